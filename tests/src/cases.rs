//! Cases that are run with each program as the subject.

/// Makes tests of functions that stand beside it and take the subject: `cases!(peers both; a b)` for the same ones in the
/// modules `keepalived` and `holdfast`, `cases!(peers Keepalived; a b)` for one subject. `peers` need namespaces, `guest` a guest.
#[macro_export]
macro_rules! cases {
    ($place:ident both; $($case:ident)*) => {
        mod keepalived {
            $crate::cases!($place Keepalived; $($case)*);
        }

        mod holdfast {
            $crate::cases!($place Holdfast; $($case)*);
        }
    };
    (peers $subject:ident; $($case:ident)*) => {
        $crate::cases!("needs root: cargo xtask test peers" $subject; $($case)*);
    };
    (guest $subject:ident; $($case:ident)*) => {
        $crate::cases!("needs a guest: cargo xtask test guest" $subject; $($case)*);
    };
    ($needs:literal $subject:ident; $($case:ident)*) => {
        $(
            #[test]
            #[ignore = $needs]
            fn $case() -> super::Result<()> {
                super::$case($crate::daemon::Software::$subject)
            }
        )*
    };
}
