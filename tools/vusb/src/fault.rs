// SPDX-License-Identifier: GPL-2.0

//! Faults on request: which transfer of which endpoint goes wrong, and how.

use crate::hex;

/// What goes wrong with a transfer. On the endpoints to the host the unit is one HCI packet,
/// however many transfers it takes; on those from the host it is one transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The endpoint halts (endpoint 0: this request only). The data follows when the halt has been
    /// cleared.
    Stall,
    /// A transaction error instead of the data, which follows.
    Error,
    /// As if the device had sent too much; the data follows.
    Babble,
    /// It never completes, until the host takes it back.
    Hang,
    /// It is lost without a trace: what goes out is acknowledged.
    Drop,
    /// Only the first bytes are transferred; the rest is lost.
    Short(usize),
    /// It completes this many ms late, and all after it, too.
    Delay(u64),
    /// In pieces of at most so many bytes, each a transfer of its own.
    Split(usize),
    /// Together with this many packets before it in one transfer: those wait for it.
    Merge(usize),
    /// These bytes come first, in transfers of their own.
    Garbage(Vec<u8>),
    /// The device is unplugged instead; it comes back so many ms later, if at all.
    Unplug(Option<u64>),
}

/// A rule: which transfers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The endpoint's address.
    pub endpoint: u8,
    /// How many transfers pass before.
    pub after: u32,
    /// How many are hit; none: all.
    pub count: Option<u32>,
    /// What happens to them.
    pub kind: Kind,
}

/// The rules that hold.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    /// Endpoints of transfers that were hit.
    taken: Vec<u8>,
}

impl Faults {
    /// One more rule, after those that are there.
    pub fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// No more rules.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What happens to the next transfer of this endpoint. Every rule of the endpoint counts it;
    /// the first that is due takes it.
    pub fn next(&mut self, endpoint: u8) -> Option<Kind> {
        let mut taken = None;
        self.rules.retain_mut(|rule| {
            if rule.endpoint != endpoint {
                return true;
            }
            if rule.after > 0 {
                rule.after -= 1;
                return true;
            }
            if taken.is_some() {
                return true;
            }
            taken = Some(rule.kind.clone());
            match &mut rule.count {
                None => true,
                Some(left) => {
                    *left = left.saturating_sub(1);
                    *left > 0
                }
            }
        });
        if taken.is_some() {
            self.taken.push(endpoint);
        }
        taken
    }

    /// The endpoints of the transfers that were hit since the last call.
    pub fn take_hits(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.taken)
    }

    /// Whether a rule about this endpoint is left.
    pub fn concerns(&self, endpoint: u8) -> bool {
        self.rules.iter().any(|rule| rule.endpoint == endpoint)
    }
}

/// `KIND ENDPOINT [after=N] [count=N] [ms=N] [bytes=N] [packets=N] [data=HEX] [replug=MS]`, the
/// endpoint's address being hexadecimal. `count` is 1 if left out, and 0 means always.
///
/// # Errors
///
/// What is wrong with it.
pub fn parse(text: &str) -> Result<Rule, String> {
    let mut words = text.split_whitespace();
    let name = words.next().ok_or("a fault wants a kind")?;
    let address = words.next().ok_or("a fault wants an endpoint")?;
    let endpoint = u8::from_str_radix(address.trim_start_matches("0x"), 16)
        .map_err(|_| format!("{address:?} is not an endpoint"))?;
    let (mut after, mut count, mut ms, mut bytes, mut packets) = (0, 1, 100, 1, 1);
    let (mut data, mut replug) = (Vec::new(), None);
    for word in words {
        let (key, value) = word
            .split_once('=')
            .ok_or_else(|| format!("{word:?} has no value"))?;
        match key {
            "data" => data = hex::bytes(value)?,
            "after" => after = hex::number(value)?,
            "count" => count = hex::number(value)?,
            "ms" => ms = hex::number(value)?,
            "bytes" => bytes = hex::number(value)?,
            "packets" => packets = hex::number(value)?,
            "replug" => replug = Some(hex::number(value)?),
            _ => return Err(format!("no such key: {key}")),
        }
    }
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let kind = match name {
        "stall" => Kind::Stall,
        "error" => Kind::Error,
        "babble" => Kind::Babble,
        "hang" => Kind::Hang,
        "drop" => Kind::Drop,
        "short" => Kind::Short(size(bytes)),
        "delay" => Kind::Delay(ms),
        "split" => Kind::Split(size(bytes).max(1)),
        "merge" => Kind::Merge(size(packets).max(1)),
        "garbage" => Kind::Garbage(data),
        "unplug" => Kind::Unplug(replug),
        _ => return Err(format!("no such fault: {name}")),
    };
    let limit = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let count = (count != 0).then(|| limit(count));
    Ok(Rule {
        endpoint,
        after: limit(after),
        count,
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words() {
        let rule = parse("stall 81 after=3 count=2").unwrap();
        assert_eq!(
            rule,
            Rule {
                endpoint: 0x81,
                after: 3,
                count: Some(2),
                kind: Kind::Stall
            }
        );
        assert_eq!(parse("split 0x82 bytes=0").unwrap().kind, Kind::Split(1));
        assert_eq!(
            parse("unplug 02 replug=50").unwrap().kind,
            Kind::Unplug(Some(50))
        );
        assert_eq!(parse("drop 81 count=0").unwrap().count, None);
        for wrong in [
            "",
            "stall",
            "stall zz",
            "burn 81",
            "stall 81 after",
            "stall 81 x=1",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn which_transfers() {
        let mut faults = Faults::default();
        faults.add(parse("stall 81 after=2 count=2").unwrap());
        faults.add(parse("drop 82").unwrap());
        let hits: Vec<_> = (0..6).map(|_| faults.next(0x81).is_some()).collect();
        assert_eq!(hits, [false, false, true, true, false, false]);
        assert!(faults.concerns(0x82) && !faults.concerns(0x81));
        assert_eq!(faults.next(0x82), Some(Kind::Drop));
        assert_eq!(faults.take_hits(), [0x81, 0x81, 0x82]);
        assert!(faults.rules().is_empty());
    }

    #[test]
    fn one_after_the_other() {
        let mut faults = Faults::default();
        faults.add(parse("error 81").unwrap());
        faults.add(parse("babble 81").unwrap());
        assert_eq!(faults.next(0x81), Some(Kind::Error));
        assert_eq!(faults.next(0x81), Some(Kind::Babble));
        assert_eq!(faults.next(0x81), None);
    }
}
