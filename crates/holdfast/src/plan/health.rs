//! Settings of the health machine from `virtual_server` blocks.

mod dialogue;

use std::collections::BTreeMap;

use super::commands::{CommandTable, command_name};
use super::marks::{Marks, addresses};
use holdfast_conf::config::{self, AddressFamily, CheckerKind, Config};
use holdfast_health::probe::{
    Connection, DnsProbe, DnsType, FileProbe, GrpcProbe, Header, HttpProbe, HttpProtocol, MaskedByte, Md5, MiscProbe,
    OwnRequest, PingProbe, Probe, SmtpProbe, Sni, StatusSet, TcpProbe, Tls, UdpProbe, UdpReply, Url as ProbeUrl,
    Verify,
};
use holdfast_health::settings::{Checker, FlapDamping, RealServer, Recovery, Settings, SorryServer, VirtualServer};
use holdfast_ipvs::table::{
    Destination, DestinationKey, Family, Forwarding, Protocol, Service, ServiceFlags, ServiceKey, Tunnel,
    TunnelChecksum,
};

/// Weight of a sorry server: it is alone when it is used.
const SORRY_WEIGHT: u32 = 1;

/// The settings for everything in the file; checks whose command is not in the table are left out.
pub fn settings(config: &Config, commands: &CommandTable, marks: &Marks) -> Settings {
    Settings {
        virtual_servers: config
            .virtual_servers
            .iter()
            .map(|server| virtual_server(server, commands, marks))
            .collect(),
        notify_first_state: config.global_defs.rs_init_notifies,
        tell_managers_of_the_end: config.global_defs.snmp.traps,
        share_checks: config.global_defs.share_checks,
        // The supervisor adds what is in them when it sends this.
        files: BTreeMap::new(),
    }
}

/// The name of a virtual server in logs and notifications, as keepalived's users know it.
pub fn virtual_server_name(server: &config::VirtualServer) -> String {
    match (&server.name.value, server.protocol) {
        (config::VirtualServerName::Address(address, port), Some(protocol)) => {
            format!("[{address}]:{}:{port}", ipvs_protocol(protocol))
        }
        (config::VirtualServerName::Group(name), _) => format!("[{name}]"),
        (name, _) => name.to_string(),
    }
}

/// The name of a real server in logs and notifications.
pub fn real_server_name(server: &config::VirtualServer, real: &config::RealServer) -> String {
    destination_name(server, real.address.value, real.port)
}

fn destination_name(server: &config::VirtualServer, address: std::net::IpAddr, port: Option<u16>) -> String {
    let port = port.unwrap_or(match server.name.value {
        config::VirtualServerName::Address(_, port) => port,
        _ => 0,
    });
    match server.protocol {
        Some(protocol) => format!("[{address}]:{}:{port}", ipvs_protocol(protocol)),
        None => format!("[{address}]:{port}"),
    }
}

fn virtual_server(server: &config::VirtualServer, commands: &CommandTable, marks: &Marks) -> VirtualServer {
    let by_mark = marks.services(server);
    VirtualServer {
        name: virtual_server_name(server),
        marked_addresses: match by_mark {
            Some(_) => addresses(server).map(|(address, _)| address).collect(),
            None => Vec::new(),
        },
        services: by_mark.unwrap_or_else(|| {
            let services = server.services.iter();
            services.filter_map(|service| service_key(server, *service)).collect()
        }),
        service: service(server),
        quorum: server.quorum,
        hysteresis: server.hysteresis,
        ha_suspend: server.ha_suspend,
        omega: server.omega,
        sorry_server: server.sorry_server.map(|sorry| SorryServer {
            name: destination_name(server, sorry.address.value, sorry.port),
            key: DestinationKey {
                address: sorry.address.value,
                port: sorry.port.unwrap_or(0),
            },
            destination: Destination {
                forwarding: forwarding(sorry.lvs_method),
                weight: SORRY_WEIGHT,
                upper_threshold: 0,
                lower_threshold: 0,
            },
            inhibit: sorry.inhibit,
        }),
        real_servers: server
            .real_servers
            .iter()
            .map(|real| real_server(server, real, commands))
            .collect(),
    }
}

/// `None` cannot happen for what the language resolved: a service by address has a protocol.
fn service_key(server: &config::VirtualServer, service: config::Service) -> Option<ServiceKey> {
    Some(match service {
        config::Service::Address(address, port) => ServiceKey::Address {
            protocol: ipvs_protocol(server.protocol?),
            address,
            port,
        },
        config::Service::Fwmark(mark, family) => ServiceKey::Fwmark {
            family: match family {
                AddressFamily::Inet => Family::Inet,
                AddressFamily::Inet6 => Family::Inet6,
            },
            mark,
        },
    })
}

fn service(server: &config::VirtualServer) -> Service {
    let flags = [
        (server.ops, ServiceFlags::ONE_PACKET),
        (server.flags.flag_1, ServiceFlags::SCHED1),
        (server.flags.flag_2, ServiceFlags::SCHED2),
        (server.flags.flag_3, ServiceFlags::SCHED3),
    ];
    Service {
        scheduler: server.lb_algo.name().to_owned(),
        flags: ServiceFlags(flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum()),
        persistence_timeout_s: server
            .persistence_timeout
            .map(|timeout| u32::try_from(timeout.as_secs()).unwrap_or(u32::MAX))
            .filter(|seconds| *seconds > 0),
        persistence_prefix_len: server.persistence_granularity,
        persistence_engine: server.persistence_engine.clone(),
    }
}

fn real_server(server: &config::VirtualServer, real: &config::RealServer, commands: &CommandTable) -> RealServer {
    let checks = real.checkers.iter();
    let mut checkers: Vec<Checker> = checks.filter_map(|check| checker(check, commands)).collect();
    // Most have one: room for four would be most of what a large configuration takes.
    checkers.shrink_to_fit();
    RealServer {
        name: real_server_name(server, real),
        key: DestinationKey {
            address: real.address.value,
            port: real.port.unwrap_or(0),
        },
        destination: Destination {
            forwarding: forwarding(real.lvs_method),
            weight: real.weight,
            upper_threshold: real.uthreshold,
            lower_threshold: real.lthreshold,
        },
        inhibit_on_failure: real.inhibit_on_failure,
        recovery: recovery(&real.recovery),
        checkers,
    }
}

fn recovery(recovery: &config::Recovery) -> Recovery {
    Recovery {
        damping: (recovery.flap_threshold > 0).then_some(FlapDamping {
            threshold: recovery.flap_threshold,
            window: recovery.flap_window,
            hold: recovery.flap_hold,
            hold_max: recovery.flap_hold_max,
        }),
        slow_start: recovery.slow_start,
    }
}

/// `None`: its command cannot be run.
fn checker(checker: &config::Checker, commands: &CommandTable) -> Option<Checker> {
    let connection = Connection {
        address: checker.target.ip(),
        port: checker.target.port(),
        bind_address: checker.bind.address,
        bind_port: checker.bind.port.unwrap_or(0),
        bind_interface: checker.bind.interface.as_ref().map(|interface| interface.value.clone()),
        mark: checker.fwmark,
        timeout: checker.connect_timeout,
    };
    let probe = match &checker.kind {
        CheckerKind::TcpCheck => Probe::Tcp(TcpProbe { connection }),
        CheckerKind::HttpGet(get) => Probe::Http(http_probe(connection, get, None)),
        CheckerKind::SslGet(ssl) => {
            let tls = tls(&ssl.tls.sni, &ssl.tls.verify);
            Probe::Http(http_probe(connection, &ssl.get, Some(tls)))
        }
        CheckerKind::SmtpCheck(smtp) => Probe::Smtp(SmtpProbe {
            connection,
            helo_name: smtp.helo_name.clone(),
        }),
        CheckerKind::DnsCheck(dns) => Probe::Dns(DnsProbe {
            connection,
            query_type: dns_type(dns.query_type),
            name: dns.name.clone(),
        }),
        CheckerKind::UdpCheck(udp) => Probe::Udp(UdpProbe {
            connection,
            payload: udp.payload.clone(),
            reply: udp_reply(udp),
        }),
        CheckerKind::GrpcCheck(grpc) => Probe::Grpc(GrpcProbe {
            connection,
            tls: grpc.tls.as_ref().map(|it| tls(&it.sni, &it.verify)),
            service: grpc.service.clone(),
            authority: grpc.authority.clone(),
            headers: headers(&grpc.headers),
        }),
        CheckerKind::PingCheck => Probe::Ping(PingProbe { connection }),
        CheckerKind::BfdCheck(bfd) => Probe::Bfd(bfd.name.value.clone()),
        CheckerKind::MiscCheck(misc) if commands.has(misc) => Probe::Misc(MiscProbe {
            script: command_name(&misc.misc_path),
            timeout: misc.misc_timeout,
            dynamic: misc.misc_dynamic,
        }),
        CheckerKind::FileCheck(file) => Probe::File(FileProbe {
            file: file.track_file.value.clone(),
            weight: file.weight,
            reverse: file.reverse,
        }),
        CheckerKind::ExpectCheck(expect) => Probe::Expect(dialogue::expect_probe(connection, expect)),
        CheckerKind::AgentCheck(agent) => Probe::Agent(dialogue::agent_probe(connection, agent)),
        CheckerKind::MiscCheck(_) => return None,
    };
    Some(Checker {
        probe,
        delay_loop: checker.delay_loop,
        delay_before_retry: checker.delay_before_retry,
        retry: checker.retry,
        rise: checker.rise,
        time_limit: checker.check_timeout,
        jitter: checker.jitter,
        warmup: checker.warmup,
        alpha: checker.alpha,
        log_all_failures: checker.log_all_failures,
    })
}

fn http_probe(connection: Connection, get: &config::HttpGet, tls: Option<Tls>) -> HttpProbe {
    HttpProbe {
        connection,
        tls,
        protocol: match get.http_protocol {
            config::HttpProtocol::Http10 => HttpProtocol::Http10,
            config::HttpProtocol::Http10Close => HttpProtocol::Http10Close,
            config::HttpProtocol::Http11 => HttpProtocol::Http11,
            config::HttpProtocol::Http2 => HttpProtocol::Http2,
        },
        fast_recovery: get.fast_recovery,
        urls: get.urls.iter().map(url).collect(),
    }
}

fn headers(headers: &[config::Header]) -> Vec<Header> {
    let header = |it: &config::Header| Header {
        name: it.name.clone(),
        value: it.value.clone(),
    };
    headers.iter().map(header).collect()
}

fn tls(sni: &config::Sni, verify: &config::Verify) -> Tls {
    Tls {
        sni: match sni {
            config::Sni::Off => Sni::Off,
            config::Sni::Virtualhost => Sni::Virtualhost,
            config::Sni::Name(name) => Sni::Name(name.clone()),
        },
        verify: match verify {
            config::Verify::Off => Verify::Off,
            config::Verify::Peer => Verify::Peer,
            config::Verify::Name(name) => Verify::Name(name.clone()),
        },
    }
}

fn dns_type(query_type: config::DnsType) -> DnsType {
    match query_type {
        config::DnsType::A => DnsType::A,
        config::DnsType::Ns => DnsType::Ns,
        config::DnsType::Cname => DnsType::Cname,
        config::DnsType::Soa => DnsType::Soa,
        config::DnsType::Mx => DnsType::Mx,
        config::DnsType::Txt => DnsType::Txt,
        config::DnsType::Aaaa => DnsType::Aaaa,
        config::DnsType::Rrsig => DnsType::Rrsig,
        config::DnsType::Dnskey => DnsType::Dnskey,
    }
}

/// The lengths count only when the answer's beginning is given, as with keepalived.
fn udp_reply(udp: &config::UdpCheck) -> Option<UdpReply> {
    let beginning = udp.require_reply.as_ref()?;
    if beginning.is_empty() {
        return Some(UdpReply::Any);
    }
    Some(UdpReply::Like {
        beginning: masked(beginning),
        min_length: udp.min_reply_length,
        max_length: udp.max_reply_length,
    })
}

fn masked(bytes: &[config::ReplyByte]) -> Vec<MaskedByte> {
    let masked = |byte: &config::ReplyByte| MaskedByte {
        value: byte.value,
        mask: byte.mask,
    };
    bytes.iter().map(masked).collect()
}

fn url(url: &config::Url) -> ProbeUrl {
    ProbeUrl {
        path: url.path.clone(),
        virtualhost: url.virtualhost.clone(),
        own: own_request(url),
        status: StatusSet::new(url.status_code.iter().cloned()),
        digest: url.digest.map(Md5),
        regex: url.regex.clone(),
        tls_compliant: url.tls_compliant,
    }
}

/// `None`: a plain `GET`, of which there may be thousands.
fn own_request(url: &config::Url) -> Option<Box<OwnRequest>> {
    let own = OwnRequest {
        method: url.method.clone(),
        headers: headers(&url.headers),
        body: url.body.clone(),
    };
    (own != OwnRequest::default()).then(|| Box::new(own))
}

pub(super) fn ipvs_protocol(protocol: config::Protocol) -> Protocol {
    match protocol {
        config::Protocol::Tcp => Protocol::Tcp,
        config::Protocol::Udp => Protocol::Udp,
        config::Protocol::Sctp => Protocol::Sctp,
    }
}

fn forwarding(method: config::ForwardingMethod) -> Forwarding {
    match method {
        config::ForwardingMethod::Nat => Forwarding::Masquerade,
        config::ForwardingMethod::Dr => Forwarding::Route,
        config::ForwardingMethod::Tun(tunnel) => {
            let checksum = match tunnel.checksum {
                config::TunnelChecksum::None => TunnelChecksum::None,
                config::TunnelChecksum::Checksum => TunnelChecksum::Full,
                config::TunnelChecksum::Remote => TunnelChecksum::Remote,
            };
            Forwarding::Tunnel(match tunnel.kind {
                config::TunnelKind::Ipip => Tunnel::Ipip,
                config::TunnelKind::Gue { port } => Tunnel::Gue { port, checksum },
                config::TunnelKind::Gre => Tunnel::Gre { checksum },
            })
        }
    }
}
