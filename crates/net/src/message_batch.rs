//! Many packets per system call: `recvmmsg` and `sendmmsg`.
#![allow(unsafe_code)]
#![deny(clippy::arithmetic_side_effects)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::RawFd;
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

use socket2::SockAddr;

/// Packets taken per call, which bounds the work of one wake-up.
pub(crate) const BATCH: usize = 32;
/// What nearly every packet fits into. Heads lie side by side, so that the usual ones need little memory.
const HEAD_BYTES: usize = 256;
/// The largest VRRP packet is 8 bytes and 255 IPv6 addresses and a trailer of 28: 4116. IPv4 with its header is smaller.
const REST_BYTES: usize = 4096;
/// Packet information and a hop limit take 64 bytes at most.
const CONTROL_BYTES: usize = 128;

/// A packet as the kernel handed it over.
pub(crate) struct RawPacket<'a> {
    pub(crate) sender: Option<std::net::SocketAddr>,
    pub(crate) data: &'a [u8],
    pub(crate) control: &'a [u8],
    /// Data or control did not fit and were cut.
    pub(crate) truncated: bool,
}

#[derive(Clone, Copy)]
struct Slot {
    sender: libc::sockaddr_storage,
    control: [u8; CONTROL_BYTES],
    head: [u8; HEAD_BYTES],
}

/// Where packets are received to.
struct Buffers {
    slots: [Slot; BATCH],
    /// What of a packet is longer than its head.
    rests: [[u8; REST_BYTES]; BATCH],
    /// A long packet in one piece.
    whole: [u8; HEAD_BYTES.saturating_add(REST_BYTES)],
}

/// One receive buffer for all sockets: a packet is copied out at once, so no two sockets need it together, and only one
/// thread of a process receives. All zeros, which cost no memory until they are written.
static BUFFERS: Mutex<Buffers> = Mutex::new(Buffers {
    slots: [Slot::EMPTY; BATCH],
    rests: [[0; REST_BYTES]; BATCH],
    whole: [0; HEAD_BYTES.saturating_add(REST_BYTES)],
});

impl Slot {
    // SAFETY: plain C data, for which all zeros is a valid value (family "unspecified").
    const EMPTY: Self = unsafe { zeroed() };

    /// The packet in one piece: as it lies here, or put together in `whole`.
    fn data<'a>(&'a self, length: usize, rest: &[u8; REST_BYTES], whole: &'a mut [u8]) -> &'a [u8] {
        if let Some(data) = self.head.get(..length) {
            return data;
        }
        for (place, part) in whole
            .chunks_mut(HEAD_BYTES)
            .zip(std::iter::once(&self.head[..]).chain(rest.chunks(HEAD_BYTES)))
        {
            place.copy_from_slice(part);
        }
        whole.get(..length).unwrap_or(whole)
    }
}

/// Hands up to 32 waiting packets to `take`, oldest first. Never waits: `WouldBlock` where there is none.
pub(crate) fn receive_batch(descriptor: RawFd, mut take: impl FnMut(RawPacket<'_>)) -> io::Result<usize> {
    // What a panic of `take` left there is overwritten.
    let mut buffers = BUFFERS.lock().unwrap_or_else(PoisonError::into_inner);
    let Buffers { slots, rests, whole } = &mut *buffers;
    // SAFETY: both are plain C data; all zeros is an empty part and an empty header.
    let (mut parts, mut headers): ([[libc::iovec; 2]; BATCH], [libc::mmsghdr; BATCH]) = unsafe { zeroed() };
    let places = slots.iter_mut().zip(rests.iter_mut());
    for (((slot, rest), parts), header) in places.zip(&mut parts).zip(&mut headers) {
        let [head_part, rest_part] = parts;
        head_part.iov_base = slot.head.as_mut_ptr().cast();
        head_part.iov_len = HEAD_BYTES;
        rest_part.iov_base = rest.as_mut_ptr().cast();
        rest_part.iov_len = REST_BYTES;
        header.msg_hdr.msg_name = std::ptr::from_mut(&mut slot.sender).cast();
        header.msg_hdr.msg_namelen = socklen(size_of::<libc::sockaddr_storage>());
        header.msg_hdr.msg_iov = parts.as_mut_ptr();
        header.msg_hdr.msg_iovlen = 2;
        header.msg_hdr.msg_control = slot.control.as_mut_ptr().cast();
        header.msg_hdr.msg_controllen = CONTROL_BYTES as _;
    }
    let count = u32::try_from(headers.len()).unwrap_or(0);
    // SAFETY: `headers`, and through them `parts`, the slots and the rests, are valid for writing with the lengths given,
    // are not moved and not touched by anybody else until the call returns; a null timeout is allowed.
    let received = unsafe {
        libc::recvmmsg(
            descriptor,
            headers.as_mut_ptr(),
            count,
            libc::MSG_DONTWAIT as _,
            null_mut(),
        )
    };
    let Ok(received) = usize::try_from(received) else {
        return Err(io::Error::last_os_error());
    };
    for ((header, slot), rest) in headers.iter().zip(slots.iter()).zip(rests.iter()).take(received) {
        let data_length = usize::try_from(header.msg_len).unwrap_or(0);
        #[allow(clippy::useless_conversion, reason = "the C library decides how wide this length is")]
        let control_length = usize::try_from(header.msg_hdr.msg_controllen).unwrap_or(0);
        take(RawPacket {
            sender: address_of(&slot.sender, header.msg_hdr.msg_namelen),
            data: slot.data(data_length, rest, whole),
            control: slot.control.get(..control_length).unwrap_or(&slot.control),
            truncated: header.msg_hdr.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0,
        });
    }
    Ok(received)
}

fn address_of(storage: &libc::sockaddr_storage, length: libc::socklen_t) -> Option<std::net::SocketAddr> {
    let mut copied = socket2::SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_storage` is the type behind `SockAddrStorage` on this system.
    *unsafe { copied.view_as::<libc::sockaddr_storage>() } = *storage;
    // SAFETY: the kernel initialised `length` bytes of the storage, the rest is zero; its family tells the form.
    unsafe { SockAddr::new(copied, length) }.as_socket()
}

/// A packet to send.
pub(crate) struct OutgoingPacket<'a> {
    pub(crate) destination: SockAddr,
    pub(crate) data: &'a [u8],
    /// Control messages, see [`crate::control`]; may be empty.
    pub(crate) control: Vec<u8>,
}

/// Sends all packets in as few calls as possible, never waiting; one result for each, in the same order.
pub(crate) fn send_batch(descriptor: RawFd, packets: &[OutgoingPacket<'_>]) -> Vec<io::Result<()>> {
    let mut parts: Vec<libc::iovec> = packets
        .iter()
        // The kernel only reads; the C structure knows no constness.
        .map(|packet| libc::iovec {
            iov_base: packet.data.as_ptr().cast_mut().cast(),
            iov_len: packet.data.len(),
        })
        .collect();
    let mut headers: Vec<libc::mmsghdr> = packets
        .iter()
        .zip(&mut parts)
        .map(|(packet, part)| header_of(packet, part))
        .collect();
    let mut results = Vec::with_capacity(packets.len());
    while let Some(unsent) = headers.get_mut(results.len()..).filter(|unsent| !unsent.is_empty()) {
        let count = u32::try_from(unsent.len()).unwrap_or(u32::MAX);
        // SAFETY: `unsent` points into `headers`, and through them to `parts` and `packets`, which all stay where
        // they are and outlive the call; the kernel writes only the `msg_len` of each header.
        let sent = unsafe { libc::sendmmsg(descriptor, unsent.as_mut_ptr(), count, libc::MSG_DONTWAIT as _) };
        match usize::try_from(sent) {
            Ok(sent @ 1..) => results.extend((0..sent).map(|_| Ok(()))),
            // The call fails only if its first packet does: that one gets the error, the rest another call.
            _ => results.push(Err(io::Error::last_os_error())),
        }
    }
    results
}

fn header_of(packet: &OutgoingPacket<'_>, part: &mut libc::iovec) -> libc::mmsghdr {
    // SAFETY: `mmsghdr` is plain C data; all zeros is an empty header.
    let mut header: libc::mmsghdr = unsafe { zeroed() };
    header.msg_hdr.msg_name = packet.destination.as_ptr().cast_mut().cast();
    header.msg_hdr.msg_namelen = packet.destination.len();
    header.msg_hdr.msg_iov = part;
    header.msg_hdr.msg_iovlen = 1;
    header.msg_hdr.msg_control = packet.control.as_ptr().cast_mut().cast();
    header.msg_hdr.msg_controllen = packet.control.len() as _;
    header
}

/// The destination of a frame on a packet socket: the interface it leaves through. The frame itself carries the
/// addresses.
pub(crate) fn frames_through(interface_index: u32) -> io::Result<SockAddr> {
    // SAFETY: `sockaddr_ll` is plain C data, for which all zeros is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { zeroed() };
    address.sll_family = libc::sa_family_t::try_from(libc::AF_PACKET).unwrap_or(0);
    address.sll_ifindex = i32::try_from(interface_index).map_err(|_| io::Error::from_raw_os_error(libc::ENODEV))?;
    let mut storage = socket2::SockAddrStorage::zeroed();
    // SAFETY: `sockaddr_ll` is one of the forms that a `sockaddr_storage` holds, no larger and no stricter aligned.
    *unsafe { storage.view_as::<libc::sockaddr_ll>() } = address;
    // SAFETY: the storage holds a whole `sockaddr_ll`.
    Ok(unsafe { SockAddr::new(storage, socklen(size_of::<libc::sockaddr_ll>())) })
}

fn socklen(bytes: usize) -> libc::socklen_t {
    libc::socklen_t::try_from(bytes).unwrap_or(libc::socklen_t::MAX)
}
