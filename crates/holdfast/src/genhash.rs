//! `holdfast genhash`: what to write after `digest`, by the very probe that will compare it.

use std::fmt;
use std::io::{self, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::ValueEnum;
use holdfast_checker::Prober;
use holdfast_checker::http::Answer;
use holdfast_checker::tls::Identity;
use holdfast_health::probe::{Connection, HttpProtocol, Outcome, Request, Sni, StatusSet, Tls, Url, Verdict};

use crate::EXIT_FAILURE;

/// What `holdfast genhash` is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct GenhashArguments {
    /// Address of the server
    #[arg(short = 's', long, value_name = "ADDRESS")]
    server: IpAddr,
    /// Port of the server
    #[arg(short = 'p', long, value_parser = clap::value_parser!(u16).range(1..))]
    port: u16,
    /// What to fetch, as after `path`
    #[arg(short = 'u', long, value_name = "PATH")]
    url: String,
    /// Fetch over TLS
    #[arg(short = 'S', long)]
    use_ssl: bool,
    /// Send the name of the virtual host in the greeting of TLS
    #[arg(short = 'I', long)]
    use_sni: bool,
    /// Name of the virtual host; default: address and port
    #[arg(short = 'V', long, value_name = "HOST")]
    use_virtualhost: Option<String>,
    /// Version of HTTP
    #[arg(
        short = 'P',
        long,
        value_name = "VERSION",
        value_enum,
        ignore_case = true,
        default_value = "1.0"
    )]
    protocol: Protocol,
    /// Firewall mark of the packets; 0: none
    #[arg(short = 'm', long, value_name = "MARK", default_value_t = 0)]
    fwmark: u32,
    /// Longest wait for the connection, and for more of the answer
    #[arg(short = 't', long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..), default_value_t = 5)]
    timeout: u32,
    /// Show the header of the answer, the length of its body and how long it took, on standard error
    #[arg(short = 'v', long)]
    verbose: bool,
}

/// Version of HTTP, under the names of `http_protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocol {
    /// HTTP/1.0
    #[value(name = "1.0")]
    Http10,
    /// HTTP/1.0 with `Connection: close`
    #[value(name = "1.0c")]
    Http10Close,
    /// HTTP/1.1 with `Connection: close`
    #[value(name = "1.1")]
    Http11,
}

/// Fetches the page and prints its digest. 1 when there is none.
pub fn genhash(asked: &GenhashArguments) -> ExitCode {
    let fetched = crate::block_on(async { fetch(asked).await });
    match fetched.and_then(|(outcome, answer)| Ok(print(asked, &outcome, &answer)?)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("holdfast: {asked}: {error}");
            ExitCode::from(EXIT_FAILURE)
        }
    }
}

async fn fetch(asked: &GenhashArguments) -> anyhow::Result<(Outcome, Answer)> {
    let request = asked.request();
    let prober = Prober::new(&Identity::default());
    let (outcome, answer) = prober.fetch(&request, request.deadline()).await;
    match (&outcome.verdict, answer) {
        (Verdict::Success, Some(answer)) => Ok((outcome, answer)),
        (Verdict::Failure(failure), _) => bail!("{failure}"),
        (Verdict::NotTried(reason), _) => bail!("{reason}"),
        (Verdict::Success, None) => bail!("no answer was kept"),
    }
}

fn print(asked: &GenhashArguments, outcome: &Outcome, answer: &Answer) -> io::Result<()> {
    if asked.verbose {
        for line in answer.header.trim_ascii_end().split(|&byte| byte == b'\n') {
            // What a stranger sends does not reach the terminal as it is.
            eprintln!("{}", line.trim_ascii_end().escape_ascii());
        }
        let (length, seconds) = (answer.body_length, outcome.duration.as_secs_f64());
        eprintln!("{length} bytes after the header, {seconds:.6} s");
    }
    if !StatusSet::default().contains(answer.status) {
        let status = answer.status;
        eprintln!("holdfast: {asked}: status code {status}: the digest counts only with `status_code {status}`");
    }
    writeln!(io::stdout(), "{}", answer.digest)
}

impl GenhashArguments {
    fn request(&self) -> Request {
        let tls = Tls {
            sni: if self.use_sni { Sni::Virtualhost } else { Sni::Off },
            ..Tls::default()
        };
        Request::HttpGet {
            connection: Connection {
                address: self.server,
                port: self.port,
                bind_address: None,
                bind_port: 0,
                bind_interface: None,
                mark: self.fwmark,
                timeout: Duration::from_secs(self.timeout.into()),
            },
            tls: self.use_ssl.then_some(tls),
            protocol: match self.protocol {
                Protocol::Http10 => HttpProtocol::Http10,
                Protocol::Http10Close => HttpProtocol::Http10Close,
                Protocol::Http11 => HttpProtocol::Http11,
            },
            url: Url {
                virtualhost: self.use_virtualhost.clone(),
                // Any that can be written with three digits.
                status: StatusSet::new([0..=999]),
                ..Url::new(self.url.as_str())
            },
        }
    }
}

/// What is fetched.
impl fmt::Display for GenhashArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.use_ssl { "https" } else { "http" };
        let address = SocketAddr::new(self.server, self.port);
        write!(f, "{scheme}://{address}{}", self.url)
    }
}
