// SPDX-License-Identifier: GPL-2.0

//! The frame check sequence (Vol 3 Part A 3.3.5): CRC-16 with the polynomial x^16 + x^15 + x^2 + 1, least significant bit
//! first, starting at zero.

const POLYNOMIAL: u16 = 0xa001;
/// How many octets one step takes.
const SLICES: usize = 8;

/// `TABLES[n]` is the effect of an octet with `n` zero octets after it.
static TABLES: [[u16; 256]; SLICES] = tables();

// Evaluated by the compiler: what would panic would not compile.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
const fn tables() -> [[u16; 256]; SLICES] {
    let mut tables = [[0u16; 256]; SLICES];
    let mut octet = 0;
    while octet < 256 {
        let mut crc = octet as u16;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        tables[0][octet] = crc;
        octet += 1;
    }
    let mut slice = 1;
    while slice < SLICES {
        let mut octet = 0;
        while octet < 256 {
            let before = tables[slice - 1][octet];
            tables[slice][octet] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            octet += 1;
        }
        slice += 1;
    }
    tables
}

/// The effect of `octet` with `after` (less than eight) zero octets after it.
#[inline(always)]
fn effect(after: usize, octet: u8) -> u16 {
    // Both always exist.
    TABLES
        .get(after)
        .and_then(|table| table.get(usize::from(octet)))
        .copied()
        .unwrap_or(0)
}

/// The check sequence of what `crc` is the sequence of, followed by `bytes`.
pub fn fcs_update(crc: u16, bytes: &[u8]) -> u16 {
    let mut crc = crc;
    let mut rest = bytes;
    while let Some((&[a, b, c, d, e, f, g, h], tail)) = rest.split_first_chunk::<SLICES>() {
        let [low, high] = crc.to_le_bytes();
        crc = effect(7, a ^ low)
            ^ effect(6, b ^ high)
            ^ effect(5, c)
            ^ effect(4, d)
            ^ effect(3, e)
            ^ effect(2, f)
            ^ effect(1, g)
            ^ effect(0, h);
        rest = tail;
    }
    for &octet in rest {
        let [low, high] = crc.to_le_bytes();
        crc = u16::from(high) ^ effect(0, octet ^ low);
    }
    crc
}

/// The check sequence of a frame: of its basic header, its control field and its payload.
#[inline]
pub fn fcs(bytes: &[u8]) -> u16 {
    fcs_update(0, bytes)
}
