//! Seeds that have found a bug. A seed may stop showing its bug when the simulator or the client
//! changes. So each fixed bug has a test of its own, or thousands of other seeds would find it too.

/// Seeds with the bugs that they have found.
pub(super) const SEEDS: &[(u64, &str)] = &[
    (110, "a mailbox that was deleted and removed for good blocked its name on the replica"),
    (178, "an idle client spun after a pause between attempts to connect"),
    (569, "a user who was created again while the old one was removed had the old one's quota"),
    (1221, "a subscription was lost that reached the replica before the INBOX did"),
    (2910, "seen state was lost that reached the replica before the INBOX did"),
    (1988, "a refused rename was forgotten when another mailbox asked for another try"),
    (611_073, "a mailbox of the master moved to another partition in the middle of a repair"),
    (556_946, "a mailbox of the master was renamed in the middle of a repair"),
    (629_259, "a mailbox that was renamed while names were read came to the replica twice"),
    (543_986, "the same, with a mailbox that held messages"),
    (612_726, "folders were swapped by way of a name that another user has now"),
    (9127, "what the replica had before a mailbox was sent again was remembered as what it has"),
    (37, "scripts were lost that reached the replica before the INBOX did"),
];
