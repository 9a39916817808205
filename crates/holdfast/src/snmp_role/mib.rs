//! What is served: the parts of the MIBs, put together.

mod check;
mod context;
mod global;
mod rfc2787;
mod rfc6527;
mod vrrp;

use std::rc::Rc;

use holdfast_agentx::pdu::SearchRange;
use holdfast_agentx::{Mib, Oid, SetError, Tree, Value};
use holdfast_health::action::Notification;
use holdfast_vrrp::Adjustment;

use crate::ipc::{Source, VrrpNotification, VrrpTrap};
use crate::plan::snmp::{Served, SnmpPlan};
use crate::snapshot::{CheckerSnapshot, VrrpSnapshot};

/// KEEPALIVED-MIB: `enterprises.debian.project.keepalived`.
pub(super) const KEEPALIVED: [u32; 9] = [1, 3, 6, 1, 4, 1, 9586, 100, 5];

/// A subtree that we tell the master agent of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subtree {
    /// Its root
    pub root: Oid,
    /// Its line in the agent's list of what it serves (`sysORDescr`)
    pub description: &'static str,
    /// Whom to ask before it can be shown; `None`: nobody
    pub source: Option<Source>,
}

/// A trap to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trap {
    /// Which
    pub oid: Oid,
    /// What it says, in this order
    pub objects: Vec<(Oid, Value)>,
}

/// All objects, as far as they are known.
pub struct Objects {
    plan: Rc<SnmpPlan>,
    subtrees: Vec<Subtree>,
    global: Tree,
    vrrp: Tree,
    checker: Tree,
    /// What was heard last
    vrrp_live: Option<Rc<VrrpSnapshot>>,
    checker_live: Option<Rc<CheckerSnapshot>>,
}

impl Objects {
    /// What a plan has to show.
    pub fn new(plan: SnmpPlan) -> Self {
        let plan = Rc::new(plan);
        let mut global = Tree::new();
        global::add(&mut global, &plan);
        Self {
            subtrees: subtrees(plan.serves),
            plan,
            global,
            vrrp: Tree::new(),
            checker: Tree::new(),
            vrrp_live: None,
            checker_live: None,
        }
    }

    /// News of the VRRP process.
    pub fn adopt_vrrp(&mut self, live: VrrpSnapshot) {
        let live = Rc::new(live);
        let mut tree = Tree::new();
        let serves = self.plan.serves;
        if serves.vrrp {
            vrrp::add(&mut tree, &self.plan, &live);
        }
        if serves.rfcv2 {
            rfc2787::add(&mut tree, &self.plan, &live);
        }
        if serves.rfcv3 {
            rfc6527::add(&mut tree, &self.plan, &live);
        }
        self.vrrp = tree;
        self.vrrp_live = Some(live);
    }

    /// News of the checker process.
    pub fn adopt_checker(&mut self, live: CheckerSnapshot) {
        let live = Rc::new(live);
        let mut tree = Tree::new();
        if self.plan.serves.checker {
            check::add(&mut tree, &self.plan, &live);
        }
        self.checker = tree;
        self.checker_live = Some(live);
    }

    /// The subtrees to register.
    pub fn subtrees(&self) -> &[Subtree] {
        &self.subtrees
    }

    /// Nothing is known any more of what this process said.
    pub fn forget(&mut self, source: Source) {
        match source {
            Source::Vrrp => {
                self.vrrp = Tree::new();
                self.vrrp_live = None;
            }
            Source::Checker => {
                self.checker = Tree::new();
                self.checker_live = None;
            }
        }
    }

    /// The VRRP process has said something that is still shown.
    #[cfg(test)]
    pub fn has_vrrp_state(&self) -> bool {
        self.vrrp_live.is_some()
    }

    /// Whom to ask before a question about an object can be answered.
    pub fn source_of(&self, oid: &Oid) -> Option<Source> {
        let subtrees = self.subtrees.iter();
        let mut around = subtrees.filter(|subtree| oid.is_within(&subtree.root));
        around.find_map(|subtree| subtree.source)
    }

    /// The same for all of a range (`is_walk`), or for the object that it begins with.
    pub fn sources(&self, range: &SearchRange, is_walk: bool) -> Vec<Source> {
        if !is_walk {
            return self.source_of(&range.start).into_iter().collect();
        }
        let subtrees = self.subtrees.iter();
        let touched = subtrees.filter(|subtree| {
            let is_before_end = range.end.is_empty() || subtree.root < range.end;
            is_before_end && (range.start < subtree.root || range.start.is_within(&subtree.root))
        });
        touched.filter_map(|subtree| subtree.source).collect()
    }

    /// The traps for a change of an instance or a group.
    pub fn vrrp_traps(&self, change: &VrrpNotification) -> Vec<Trap> {
        if self.plan.serves.vrrp {
            vrrp::traps(&self.plan, change)
        } else {
            Vec::new()
        }
    }

    /// The traps of the RFCs' MIBs.
    pub fn rfc_traps(&self, news: &VrrpTrap) -> Vec<Trap> {
        let mut traps = Vec::new();
        if self.plan.serves.rfcv2 {
            traps.extend(rfc2787::traps(&self.plan, news));
        }
        if self.plan.serves.rfcv3 {
            traps.extend(rfc6527::traps(&self.plan, news));
        }
        traps
    }

    /// The traps for a change of a real server, a check or a quorum.
    pub fn checker_traps(&self, change: &Notification) -> Vec<Trap> {
        if self.plan.serves.checker {
            check::traps(&self.plan, self.checker_live.as_deref(), change)
        } else {
            Vec::new()
        }
    }

    /// What setting an object means for an instance; `None`: it is none that can be set.
    pub fn adjustment(&self, oid: &Oid, value: &Value) -> Option<Result<(String, Adjustment), SetError>> {
        vrrp::adjustment(&self.plan, oid, value)
    }

    fn trees(&self) -> [&Tree; 3] {
        [&self.global, &self.vrrp, &self.checker]
    }
}

impl Mib for Objects {
    fn get(&self, oid: &Oid) -> Option<Value> {
        self.trees().into_iter().find_map(|tree| tree.get(oid))
    }

    fn next(&self, after: &Oid, inclusive: bool) -> Option<(Oid, Value)> {
        let all = self.trees().into_iter();
        all.filter_map(|tree| tree.next(after, inclusive))
            .min_by(|(one, _), (other, _)| one.cmp(other))
    }

    fn test_set(&self, oid: &Oid, value: &Value) -> Result<(), SetError> {
        if let Some(adjustment) = self.adjustment(oid, value) {
            return adjustment.map(drop);
        }
        let all = self.trees().into_iter();
        all.map(|tree| tree.test_set(oid, value))
            .find(|outcome| *outcome != Err(SetError::NoAccess))
            .unwrap_or(Err(SetError::NoAccess))
    }
}

/// The number of a place in a list, as managers count.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1)
}

fn subtrees(serves: Served) -> Vec<Subtree> {
    let keepalived = Oid::from(KEEPALIVED);
    let subtree = |root: Oid, description, source| Subtree {
        root,
        description,
        source,
    };
    let mut all = vec![subtree(keepalived.with(&[1]), "The MIB module for Keepalived", None)];
    if serves.vrrp {
        all.push(subtree(
            keepalived.with(&[2]),
            "The MIB module for KEEPALIVED-VRRP",
            Some(Source::Vrrp),
        ));
    }
    if serves.checker {
        all.push(subtree(
            keepalived.with(&[3]),
            "The MIB module for KEEPALIVED-CHECK",
            Some(Source::Checker),
        ));
    }
    if serves.rfcv2 {
        all.push(subtree(rfc2787::root(), "The MIB module for VRRP", Some(Source::Vrrp)));
    }
    if serves.rfcv3 {
        all.push(subtree(
            rfc6527::root(),
            "The MIB module for VRRPV3",
            Some(Source::Vrrp),
        ));
    }
    all
}
