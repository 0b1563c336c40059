// SPDX-License-Identifier: GPL-2.0

//! Bytes and numbers as people write them.

/// `0e 04 01` or `0e0401`; blanks, commas and colons mean nothing.
///
/// # Errors
///
/// What is wrong with the text.
pub fn bytes(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, ',' | ':'))
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("{text:?} is not in hexadecimal digits"))?;
    if digits.len() % 2 != 0 {
        return Err(format!("{text:?} has an odd number of digits"));
    }
    Ok(digits
        .chunks_exact(2)
        .map(|pair| pair.iter().fold(0u8, |byte, digit| (byte << 4) | digit))
        .collect())
}

/// The bytes as `0e0401`.
pub fn text(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)])
        .collect()
}

/// A checksum (FNV-1a), to compare what is too long to be shown.
pub fn sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, byte| {
        (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// A number: `0x` for hexadecimal.
///
/// # Errors
///
/// What is wrong with the text.
pub fn number(text: &str) -> Result<u64, String> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    }
    .map_err(|_| format!("{text:?} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        assert_eq!(bytes("0e 04,01:FF"), Ok(vec![0x0e, 4, 1, 0xff]));
        assert_eq!(text(&[0x0e, 4, 1, 0xff]), "0e0401ff");
        assert!(bytes("0").is_err());
        assert!(bytes("zz").is_err());
        assert_eq!(number("0x81"), Ok(0x81));
        assert_eq!(number("12"), Ok(12));
        assert!(number("81h").is_err());
    }
}
