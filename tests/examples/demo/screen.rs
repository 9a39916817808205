//! What a person sees: redrawn in place on a terminal, a block for each step elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use bed::client::Load;
use bed::node::Node;
use bed::site::Site;
use holdfast_ipvs::kernel::Kernel;
use holdfast_ipvs::text;

const HOME_AND_CLEAR: &str = "\x1b[H\x1b[J";
const BOLD: &str = "\x1b[1m";
const PLAIN: &str = "\x1b[0m";

/// Where the story is shown.
#[derive(Debug)]
pub struct Screen {
    redraws: bool,
}

impl Screen {
    /// A screen that redraws in place, or one that only adds lines.
    pub fn new(redraws: bool) -> Self {
        Self { redraws }
    }

    /// Shows the present moment.
    pub fn show(&self, site: &Site, load: &Load, told: &[String], doing: &str) {
        if !self.redraws {
            return;
        }
        let mut text = format!("{HOME_AND_CLEAR}{BOLD}Holdfast: a pair of directors under load{PLAIN}\n\n");
        for line in told {
            let _ = writeln!(text, "  {line}");
        }
        let _ = writeln!(text, "{BOLD}> {doing}{PLAIN}\n");
        text.push_str(&moment(site, load));
        print!("{text}");
        // A terminal that is gone ends the demonstration elsewhere.
        let _ = std::io::stdout().flush();
    }

    /// Shows how a step ended.
    pub fn step_done(&self, site: &Site, load: &Load, line: &str) {
        if !self.redraws {
            println!("{line}\n{}", moment(site, load));
        }
    }
}

/// Who is master, its table, and who answered how often.
fn moment(site: &Site, load: &Load) -> String {
    let master = master(site);
    let name = master.map_or("nobody", Node::name);
    let mut text = format!("master: {name} holds {}\n\n", site.virtual_address());
    if let Some(master) = master {
        text.push_str(&table(master));
    }
    let protocol = load.since(std::time::SystemTime::UNIX_EPOCH);
    let answers: BTreeMap<&str, usize> = protocol.servers();
    let _ = write!(text, "\nanswers:");
    for (server, count) in &answers {
        let _ = write!(text, "  {server} {count}");
    }
    let _ = writeln!(text, "  none {}", protocol.failures().len());
    text
}

/// The director that has the virtual address; the better one if both have it.
pub fn master(site: &Site) -> Option<&Node> {
    site.directors
        .iter()
        .find(|director| director.has(site.virtual_address()))
}

/// A director's table with its connections, as ipvsadm shows it.
pub fn table(director: &Node) -> String {
    let read = || -> Result<String, String> {
        let mut kernel = Kernel::open().map_err(|error| error.to_string())?;
        let (table, statistics) = kernel.read().map_err(|error| error.to_string())?;
        let info = kernel.info().map_err(|error| error.to_string())?;
        Ok(text::list(&table, &statistics, &info))
    };
    match director.within(read) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => format!("the table cannot be read: {error}\n"),
        Err(error) => format!("the table cannot be read: {error:#}\n"),
    }
}
