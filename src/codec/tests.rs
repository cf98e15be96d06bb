use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::writer::TooLong;
use super::*;

const PREFIXES: [Prefix; 3] = [Prefix::U8, Prefix::U16, Prefix::U24];

fn written(write: impl FnOnce(&mut Writer<'_>)) -> (Vec<u8>, Result<(), TooLong>) {
    let mut out = Vec::new();
    let mut w = Writer::new(&mut out);
    write(&mut w);
    let result = w.finish();
    (out, result)
}

proptest! {
    #[test]
    fn numbers_are_read_as_written(a in any::<u8>(), b in any::<u16>(), c in any::<u32>(), d in any::<[u8; 7]>()) {
        let (bytes, _) = written(|w| {
            w.u8(a);
            w.u16(b);
            w.u32(c);
            w.bytes(&d);
        });
        let read = Reader::all(&bytes, "", |r| Ok((r.u8("")?, r.u16("")?, r.u32("")?, *r.array("")?)));
        prop_assert_eq!(read, Ok((a, b, c, d)));
    }

    #[test]
    fn vectors_are_read_as_written_and_refused_if_cut(content in prop::collection::vec(any::<u8>(), 0..=255)) {
        for prefix in PREFIXES {
            let (bytes, result) = written(|w| w.vector(prefix, "", &content));
            prop_assert_eq!(result, Ok(()));
            prop_assert_eq!(bytes.len(), prefix.size() + content.len());
            let read = Reader::all(&bytes, "", |r| r.vector(prefix, ""));
            prop_assert_eq!(read, Ok(&content[..]));
            for length in 0..bytes.len() {
                let read = Reader::new(&bytes[..length]).vector(prefix, "cut");
                prop_assert_eq!(read, Err(Malformed::Truncated("cut")));
            }
        }
    }
}

#[test]
fn a_read_beyond_the_end_fails_and_takes_nothing() {
    let mut r = Reader::new(&[1, 2]);
    assert_eq!(r.u24("u24"), Err(Malformed::Truncated("u24")));
    assert_eq!(r.take(3, "bytes"), Err(Malformed::Truncated("bytes")));
    assert_eq!(r.array::<3>("array"), Err(Malformed::Truncated("array")));
    assert_eq!(r.u16("u16"), Ok(0x0102));
    assert!(r.is_empty());
    assert_eq!(r.u8("u8"), Err(Malformed::Truncated("u8")));
}

#[test]
fn a_u24_is_in_network_byte_order() {
    assert_eq!(Reader::new(&[1, 2, 3]).u24(""), Ok(0x01_0203));
}

#[test]
fn what_is_not_read_is_trailing() {
    assert_eq!(Reader::all(&[1, 2], "outer", |r| r.u8("")), Err(Malformed::Trailing("outer")));
    let inner = Reader::new(&[2, 1, 2]).sub(Prefix::U8, "inner", |r| r.u8(""));
    assert_eq!(inner, Err(Malformed::Trailing("inner")));
    assert_eq!(Reader::all(&[1, 2], "outer", |r| Ok(r.rest())), Ok(&[1, 2][..]));
}

#[test]
fn a_value_may_not_reach_beyond_the_vector_that_holds_it() {
    let mut r = Reader::new(&[1, 7, 8]);
    assert_eq!(r.sub(Prefix::U8, "vector", |r| r.u16("inside")), Err(Malformed::Truncated("inside")));
}

#[test]
fn a_filled_vector_is_not_empty() {
    assert_eq!(Reader::new(&[0]).filled(Prefix::U8, "filled"), Err(Malformed::Empty("filled")));
    assert_eq!(Reader::new(&[1, 7]).filled(Prefix::U8, "filled"), Ok(&[7][..]));
}

#[test]
fn a_vector_fits_up_to_the_last_length_of_its_prefix() {
    for (prefix, longest) in PREFIXES.into_iter().zip([0xff, 0xffff, 0xff_ffff]) {
        let (bytes, result) = written(|w| w.vector(prefix, "vector", &vec![7; longest]));
        assert_eq!(result, Ok(()));
        assert_eq!(bytes[..prefix.size()], vec![0xff; prefix.size()]);
        let (_, result) = written(|w| w.vector(prefix, "vector", &vec![7; longest + 1]));
        assert_eq!(result, Err(TooLong("vector")));
    }
}

#[test]
fn the_innermost_vector_that_is_too_long_is_reported_and_remembered() {
    let (_, result) = written(|w| {
        w.sub(Prefix::U8, "outer", |w| w.vector(Prefix::U8, "inner", &[7; 256]));
        w.vector(Prefix::U8, "next", &[]);
    });
    assert_eq!(result, Err(TooLong("inner")));
}

#[test]
fn an_optional_vector_without_content_is_not_written() {
    let (bytes, _) = written(|w| {
        w.u8(9);
        w.sub_unless_empty(Prefix::U16, "", |_| ());
    });
    assert_eq!(bytes, [9]);
    let (bytes, _) = written(|w| w.sub_unless_empty(Prefix::U16, "", |w| w.u8(7)));
    assert_eq!(bytes, [0, 1, 7]);
}
