//! Keys of tickets: when they change, and what happens to the old ones.

use alloc::sync::Arc;
use alloc::vec::Vec;

use proptest::collection::vec as list_of;
use proptest::prelude::*;

use super::tickets::{PERIOD, Stuck, key, long, open, seal, sealed};
use super::*;
use crate::crypto::Backend;

/// The name of the key that a ticket is under.
fn key_of(ticket: &[u8]) -> &[u8] {
    &ticket[..16]
}

#[test]
fn keys_differ_in_each_process_and_in_each_instance() {
    let [a, b] = [(); 2].map(|()| Tickets::new().unwrap());
    let ticket = sealed(&a, THEN);
    assert_ne!(key_of(&ticket), key_of(&sealed(&b, THEN)));
    assert!(open(&a, &ticket, THEN).is_some());
    assert!(open(&b, &ticket, THEN).is_none());
}

#[test]
fn a_key_seals_for_one_period() {
    let tickets = Tickets::new().unwrap();
    let first = sealed(&tickets, THEN);
    assert_eq!(key_of(&sealed(&tickets, THEN + PERIOD - 1)), key_of(&first));
    assert_ne!(key_of(&sealed(&tickets, THEN + PERIOD)), key_of(&first));
}

#[test]
fn a_key_opens_for_one_period_more() {
    let tickets = Tickets::new().unwrap();
    let _begins = sealed(&tickets, THEN);
    let ticket = sealed(&tickets, THEN + PERIOD - 1);
    assert!(open(&tickets, &ticket, THEN + PERIOD).is_some(), "the key no longer seals, and still opens");
    assert!(open(&tickets, &ticket, THEN + 2 * PERIOD - 1).is_some());
    assert!(open(&tickets, &ticket, THEN + 2 * PERIOD).is_none());
    assert!(open(&tickets, &ticket, THEN + PERIOD + 1).is_none(), "the key is gone: the clock does not bring it back");
}

#[test]
fn a_key_that_nobody_used_since_does_not_seal_or_open_late() {
    for late in [2 * PERIOD, 3 * PERIOD, 100 * PERIOD] {
        let tickets = Tickets::new().unwrap();
        let ticket = sealed(&tickets, THEN);
        assert!(open(&tickets, &ticket, THEN + late).is_none(), "{late} seconds later");
        assert_ne!(key_of(&sealed(&tickets, THEN + late)), key_of(&ticket));
    }
}

#[test]
fn a_key_that_has_sealed_enough_tickets_is_replaced_early() {
    let tickets = Tickets::new().unwrap();
    let ticket = sealed(&tickets, THEN);
    // However many keys are spent, the memory of them is bounded.
    for (later, renew) in [(1, Some(true)), (2, Some(true)), (3, None)] {
        tickets.spend_key(THEN);
        assert_ne!(key_of(&sealed(&tickets, THEN)), key_of(&ticket));
        assert_eq!(open(&tickets, &ticket, THEN).map(|opened| opened.renew), renew, "{later} keys later");
    }
    // Nobody else makes a key of a fleet.
    let tickets = Tickets::with_keys(key(1), []).unwrap();
    let ticket = sealed(&tickets, THEN);
    tickets.spend_key(THEN);
    assert!(seal(&tickets, &long(THEN), THEN).is_none());
    assert!(open(&tickets, &ticket, THEN).is_some());
    tickets.set_keys(key(2), [key(1)]).unwrap();
    assert!(seal(&tickets, &long(THEN), THEN).is_some());
}

#[test]
fn a_clock_set_back_a_little_changes_nothing_and_by_more_makes_a_new_key() {
    let tickets = Tickets::new().unwrap();
    let first = sealed(&tickets, THEN);
    assert_eq!(key_of(&sealed(&tickets, THEN - 1)), key_of(&first));
    let second = sealed(&tickets, THEN + PERIOD);
    assert_eq!(key_of(&sealed(&tickets, THEN + PERIOD - 1)), key_of(&second), "the old key does not seal again");
    let wrong = sealed(&tickets, THEN + 1000 * PERIOD);
    let right = sealed(&tickets, THEN + PERIOD);
    let all = [&first, &second, &wrong].map(|ticket| key_of(ticket));
    assert!(!all.contains(&key_of(&right)), "a key from a wrong time is not used");
    for ticket in [first, second, wrong] {
        assert!(open(&tickets, &ticket, THEN + 1000 * PERIOD).is_none(), "a key that is gone does not come back");
    }
}

#[test]
fn without_randomness_for_a_new_key_nothing_is_sealed_and_the_old_one_opens() {
    let random = Stuck::at(1);
    let tickets = Tickets::with_random(Backend::default(), random.clone()).unwrap();
    let ticket = sealed(&tickets, THEN);
    for byte in [0, 1, 0xff] {
        random.set(byte);
        assert!(
            seal(&tickets, &long(THEN), THEN + PERIOD).is_none(),
            "a source that fails, gives zeros or the same key"
        );
        assert!(open(&tickets, &ticket, THEN + PERIOD).unwrap().renew);
        assert!(seal(&tickets, &long(THEN), THEN + 1).is_none(), "the old key does not seal again");
    }
    assert!(open(&tickets, &ticket, THEN + 2 * PERIOD).is_none());
    random.set(2);
    assert_ne!(key_of(&sealed(&tickets, THEN + 2 * PERIOD)), key_of(&ticket));
}

proptest! {
    /// Whatever the clock does: a key that another one followed does not seal again, and one that was twice a period away from its
    /// first ticket opens nothing any more.
    #[test]
    fn no_clock_brings_a_key_back(times in list_of((0_u64..8 * PERIOD).prop_map(|after| THEN + after), 1..60)) {
        struct Used {
            first: u64,
            is_gone: bool,
            tickets: Vec<Vec<u8>>,
        }
        let tickets = Tickets::new().unwrap();
        let mut keys: Vec<Used> = Vec::new();
        for now in times {
            let ticket = sealed(&tickets, now);
            for used in &mut keys {
                used.is_gone |= now.abs_diff(used.first) >= 2 * PERIOD;
                let opens = used.tickets.iter().any(|ticket| open(&tickets, ticket, now).is_some());
                prop_assert!(!(used.is_gone && opens), "a key of {} opens at {now}", used.first);
            }
            let known = keys.iter().rposition(|used| key_of(&used.tickets[0]) == key_of(&ticket));
            match known {
                None => keys.push(Used { first: now, is_gone: false, tickets: [ticket].into() }),
                Some(known) => {
                    prop_assert_eq!(known, keys.len() - 1, "a key seals again that another one followed");
                    keys[known].tickets.push(ticket);
                }
            }
        }
    }
}

#[test]
fn a_fleet_opens_each_others_tickets_while_its_keys_change() {
    let servers = [(); 2].map(|()| Tickets::with_keys(key(1), []).unwrap());
    let [a, b] = &servers;
    let first = sealed(a, THEN);
    assert!(open(b, &first, THEN).is_some());

    // The next key is known to all before one of them seals with it.
    servers.iter().for_each(|server| server.set_keys(key(1), [key(2)]).unwrap());
    a.set_keys(key(2), [key(1)]).unwrap();
    let second = sealed(a, THEN);
    assert!(open(b, &second, THEN).is_some());
    assert!(open(a, &first, THEN).is_some(), "it is under the old key");

    servers.iter().for_each(|server| server.set_keys(key(2), []).unwrap());
    assert!(open(a, &first, THEN).is_none() && open(b, &first, THEN).is_none());
    assert!(open(b, &second, THEN).is_some());
}

#[test]
fn keys_from_outside_do_not_rotate_by_themselves() {
    let tickets = Tickets::new().unwrap();
    let own = sealed(&tickets, THEN);
    tickets.set_keys(key(1), []).unwrap();
    assert!(open(&tickets, &own, THEN).is_none());
    for now in [THEN, THEN + 10 * PERIOD, 0] {
        assert_eq!(key_of(&sealed(&tickets, now)), [1; 16]);
    }
}

#[test]
fn two_keys_of_one_name_are_refused_and_change_nothing() {
    assert!(Tickets::with_keys(key(1), [key(2), key(2)]).is_err());
    let tickets = Tickets::with_keys(key(1), []).unwrap();
    let ticket = sealed(&tickets, THEN);
    assert_eq!(tickets.set_keys(key(2), [key(2)]).unwrap_err().field(), "tickets.keys");
    assert!(open(&tickets, &ticket, THEN).is_some());
}

#[test]
fn threads_that_meet_at_the_end_of_a_period_agree_on_the_next_key() {
    let tickets = Arc::new(Tickets::new().unwrap());
    let old = sealed(&tickets, THEN);
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let tickets = tickets.clone();
            std::thread::spawn(move || sealed(&tickets, THEN + PERIOD))
        })
        .collect();
    let new: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    for ticket in &new {
        assert_ne!(key_of(ticket), key_of(&old));
        assert_eq!(key_of(ticket), key_of(&new[0]));
    }
    assert!(open(&tickets, &old, THEN + PERIOD).is_some());
}
