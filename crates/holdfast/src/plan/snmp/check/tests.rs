use std::path::Path;

use holdfast_conf::{LoadOptions, MemoryLoader};

use super::*;

fn of(text: &str) -> CheckFacts {
    let loader = MemoryLoader::new().with("/k.conf", text);
    facts(&holdfast_conf::load(&loader, Path::new("/k.conf"), &LoadOptions::default()).config)
}

fn server(head: &str, options: &str, reals: &str) -> String {
    format!("virtual_server {head} {{\nlb_algo rr\nprotocol TCP\n{options}\n{reals}\n}}\n")
}

/// Ports as keepalived 2.2.7 shows them: the sorry server, then the real servers.
#[test]
fn ports_are_those_that_keepalived_shows() {
    let group = "virtual_server_group G {\n192.0.2.1 80\n192.0.2.2 80\n}\n";
    let reals =
        "sorry_server 192.0.2.63\nreal_server 192.0.2.61 {\nweight 1\n}\nreal_server 192.0.2.62 80 {\nweight 1\n}";
    let ports = |head: &str, kind: &str| {
        let facts = of(&format!("{group}{}", server(head, kind, reals)));
        let server = facts.virtual_servers.into_iter().next().unwrap();
        let sorry = server.sorry_server.unwrap().port;
        let [first, second] = server.real_servers.as_slice() else {
            panic!("{:?}", server.real_servers)
        };
        [sorry, first.port, second.port]
    };
    assert_eq!(ports("192.0.2.1 80", "lb_kind NAT"), [0, 80, 80]);
    assert_eq!(ports("192.0.2.1 80", "lb_kind DR"), [80, 80, 80]);
    assert_eq!(ports("192.0.2.1 443", "lb_kind NAT"), [0, 443, 80]);
    assert_eq!(ports("192.0.2.1 443", "lb_kind TUN"), [443, 443, 443]);
    assert_eq!(ports("fwmark 1", "lb_kind NAT"), [0, 0, 80]);
    assert_eq!(ports("fwmark 1", "lb_kind DR"), [0, 0, 0]);
    assert_eq!(ports("group G", "lb_kind NAT"), [0, 0, 80]);
    assert_eq!(ports("group G", "lb_kind DR"), [0, 0, 80]);
}

#[test]
fn members_of_a_group_are_marks_first() {
    let text = "virtual_server_group G {\n192.0.2.1 80\nfwmark 9\n192.0.2.3-5 80\nfwmark 8\n}\n";
    let facts = of(text);
    let marks = facts.groups[0].members.iter().map(|member| match member {
        GroupEntry::Fwmark { mark, .. } => *mark,
        GroupEntry::Addresses { first, last, .. } => u32::from(first != last),
    });
    assert_eq!(marks.collect::<Vec<_>>(), [9, 8, 0, 1]);
}

#[test]
fn commands_are_shown_word_by_word() {
    let options = "lb_kind NAT\nquorum_up \"/bin/tell up 'by mail'\"\nquorum_down /bin/tell";
    let real = "real_server 192.0.2.61 80 {\nnotify_up \"/bin/a b\"\n}";
    let facts = of(&server("192.0.2.1 80", options, real));
    let server = &facts.virtual_servers[0];
    let shown = |command: &Option<CommandFacts>| {
        let command = command.as_ref().unwrap();
        (command.text.clone(), command.path.clone())
    };
    let both = |text: &str, path: &str| (text.to_owned(), path.to_owned());
    assert_eq!(
        shown(&server.quorum_up),
        both("'/bin/tell' 'up' 'by mail'", "/bin/tell")
    );
    assert_eq!(shown(&server.quorum_down), both("'/bin/tell'", "/bin/tell"));
    assert_eq!(shown(&server.real_servers[0].notify_up), both("'/bin/a' 'b'", "/bin/a"));
    assert_eq!(server.real_servers[0].notify_down, None);
}
