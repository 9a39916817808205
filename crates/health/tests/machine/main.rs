//! The health machine from the outside: events in, actions and table out, on a virtual clock.

#[cfg(test)]
mod adopt;
#[cfg(test)]
mod agent;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod managers;
#[cfg(test)]
mod model;
#[cfg(test)]
mod quorum;
#[cfg(test)]
mod recovery;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod reload_property;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod session;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod suspend;
#[cfg(test)]
mod weights;
