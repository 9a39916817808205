//! From the configuration as the language resolved it to the settings of the machines. Pure: no file, no kernel.

pub mod health;
pub mod scripts;
pub mod vrrp;
