use super::*;

/// Seen on Linux 6.18 (x86-64): `recv` of a process events socket while a process forked, took a name, ran a program and
/// ended. `what` and the details begin at byte 36.
#[cfg(target_endian = "little")]
fn seen(event: &str) -> Vec<u8> {
    let event: Vec<u8> = (0..event.len())
        .step_by(2)
        .map(|place| u8::from_str_radix(&event[place..][..2], 16).unwrap())
        .collect();
    let mut writer = RequestWriter::default();
    writer.message(DONE, 0, 7, |body| {
        let mut message = vec![1, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 40, 0, 0, 0];
        message.extend(event);
        body.fixed(&message);
    });
    writer.bytes().to_vec()
}

#[cfg(target_endian = "little")]
const CAPTURED: [&str; 5] = [
    "000000000000000044df84be58120000000000000000000000000000000000000000000000000000",
    "0100000000000000379f87be581200009773000097730000c5730000c57300000000000000000000",
    "000000800000000011958fbe58120000c5730000c573000000030000110000009773000097730000",
    "0100000001000000c29e22c058120000597300001c720000c67300005a7300000000000000000000",
    "0002000001000000322423c058120000c67300005a7300006f7074206367752e3134000000000000",
];

#[test]
#[cfg(target_endian = "little")]
fn captured_events_are_read_and_those_of_threads_are_not() {
    let read = |text: &str| decode(&netlink::messages(&seen(text)).next().unwrap());
    let [answer, fork, exit, thread, name_of_thread] = CAPTURED;
    assert!(is_answer(&netlink::messages(&seen(answer)).next().unwrap()));
    assert_eq!(read(answer), None);
    let (parent, child) = (0x7397, 0x73c5);
    assert_eq!(read(fork), Some(ProcessEvent::Forked { parent, child }));
    assert_eq!(read(exit), Some(ProcessEvent::Exited { pid: child }));
    assert_eq!(read(thread), None);
    assert_eq!(read(name_of_thread), None);
    // The same of a whole process.
    let of_process = name_of_thread.replace("c67300005a730000", "5a7300005a730000");
    let name = b"opt cgu.14".to_vec();
    assert_eq!(read(&of_process), Some(ProcessEvent::Renamed { pid: 0x735a, name }));
    let executed = exit.replacen("00000080", "02000000", 1);
    assert_eq!(read(&executed), Some(ProcessEvent::Executed { pid: child }));
}

#[test]
#[cfg(target_endian = "little")]
fn a_request_has_the_layout_of_the_header_files() {
    let expected = [
        40, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, // nlmsghdr
        1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, // cn_msg
        1, 0, 0, 0, // PROC_CN_MCAST_LISTEN
    ];
    assert_eq!(request(LISTEN).bytes(), expected);
}

#[test]
#[cfg(target_endian = "little")]
fn every_shorter_and_every_changed_message_is_read_without_panic() {
    for text in CAPTURED {
        let bytes = seen(text);
        let message = netlink::messages(&bytes).next().unwrap();
        for end in 0..message.payload.len() {
            let payload = &message.payload[..end];
            assert!(decode(&Message { payload, ..message }).is_none() || end >= CONNECTOR_HEADER + EVENT_HEADER + 8);
        }
        for place in 0..message.payload.len() {
            let mut payload = message.payload.to_vec();
            payload[place] ^= 0xff;
            let payload = payload.as_slice();
            let _ = decode(&Message { payload, ..message });
        }
    }
}

/// `any_message.rs` says how to run it for longer.
#[test]
fn any_process_event() {
    bolero::check!().for_each(|bytes: &[u8]| {
        for message in netlink::messages(bytes) {
            let _ = (decode(&message), is_answer(&message));
        }
        // Behind a header that makes it one.
        let mut writer = RequestWriter::default();
        writer.message(DONE, 0, 0, |body| {
            let whom = [1_u32, 1, 0, 0, 0].map(u32::to_ne_bytes).concat();
            let kinds = [ANSWER, FORK, EXEC, COMM, EXIT];
            let kind = *kinds.iter().cycle().nth(bytes.len()).unwrap();
            body.fixed(&[&whom, &kind.to_ne_bytes()[..], bytes].concat());
        });
        let message = netlink::messages(writer.bytes()).next().unwrap();
        if let Some(ProcessEvent::Renamed { name, .. }) = decode(&message) {
            assert!(name.len() <= 16);
        }
    });
}
