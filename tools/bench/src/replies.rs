// SPDX-License-Identifier: GPL-2.0

//! What the controller says of itself: answers to commands that bring it up. They are those of
//! `lib/controller.py` of the selftests. Numbers are those of the Core Specification, Vol 4 Part E.

/// Octet and bits of the supported commands (6.27) that both kinds of controllers have.
const COMMON: &[(usize, u8)] = &[
    (0, 0x20),
    (2, 0x80),
    (5, 0xc0),
    (10, 0xc0),
    (14, 0xa8),
    (15, 0x82),
    (22, 0x04),
];
const BREDR: &[(usize, u8)] = &[
    (0, 0x3f),
    (1, 0x07),
    (2, 0xff),
    (4, 0x06),
    (5, 0xdf),
    (6, 0xa7),
    (7, 0xff),
    (8, 0xff),
    (9, 0xff),
    (10, 0xd0),
    (11, 0xff),
    (12, 0x3f),
    (13, 0x0f),
    (14, 0xff),
    (15, 0xb2),
    (16, 0x7e),
    (17, 0xff),
    (18, 0x0f),
    (20, 0x10),
    (22, 0x04),
    (23, 0x04),
    (32, 0xe0),
];
const LE: &[(usize, u8)] = &[
    (24, 0x60),
    (25, 0xf7),
    (26, 0xff),
    (27, 0xff),
    (28, 0x7f),
    (33, 0xf0),
    (34, 0x78),
    (35, 0x0e),
];

/// LMP features of the peer, and, but for the LE bit, of the controller.
pub const BREDR_FEATURES: [u8; 8] = [0xff, 0xff, 0x8f, 0xfe, 0x9b, 0xff, 0x59, 0x83];
const LE_ONLY_FEATURES: [u8; 8] = [0, 0, 0, 0, 0x60, 0, 0, 0];
const LE_SUPPORTED: u8 = 0x40;

/// What kind of controller this is.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// It has BR/EDR.
    pub bredr: bool,
    /// It has LE.
    pub le: bool,
    /// Bytes of data in an ACL packet, and how many of them the controller can hold.
    pub acl: (u16, u16),
    /// The same for LE.
    pub le_acl: (u16, u8),
    /// Bytes of a synchronous packet, and how many.
    pub sco: (u8, u16),
}

impl Default for Kind {
    fn default() -> Self {
        Self {
            bredr: true,
            le: false,
            acl: (1021, 8),
            le_acl: (251, 8),
            sco: (60, 8),
        }
    }
}

impl Kind {
    /// Its LMP features, page 0.
    pub fn features(self) -> [u8; 8] {
        let mut features = if self.bredr {
            BREDR_FEATURES
        } else {
            LE_ONLY_FEATURES
        };
        if self.le {
            features[4] |= LE_SUPPORTED;
        }
        features
    }

    fn supported(self) -> [u8; 64] {
        let mut octets = [0u8; 64];
        let groups = [(true, COMMON), (self.bredr, BREDR), (self.le, LE)];
        for (_, group) in groups.iter().filter(|(has, _)| *has) {
            for (octet, bits) in group.iter() {
                if let Some(octet) = octets.get_mut(*octet) {
                    *octet |= bits;
                }
            }
        }
        octets
    }

    /// The return parameters of a command that is answered by Command Complete, status included.
    /// `host` are the host's own features.
    pub fn reply(self, opcode: u16, parameters: &[u8], host: u8) -> Vec<u8> {
        let mut reply = vec![0u8];
        match opcode {
            // Local version: 5.0.
            0x1001 => reply.extend([9, 0, 0, 9, 0x3f, 0, 0, 0]),
            0x1002 => reply.extend(self.supported()),
            0x1003 => reply.extend(self.features()),
            0x1004 => {
                let page = parameters.first().copied().unwrap_or(0);
                reply.extend([page, 2]);
                let features = match page {
                    0 => self.features(),
                    1 => [host, 0, 0, 0, 0, 0, 0, 0],
                    _ => [0; 8],
                };
                reply.extend(features);
            }
            0x1005 => {
                reply.extend(self.acl.0.to_le_bytes());
                reply.push(self.sco.0);
                reply.extend(self.acl.1.to_le_bytes());
                reply.extend(self.sco.1.to_le_bytes());
            }
            0x1009 => reply.extend([1, 0, 0x42, 1, 0xaa, 0]),
            0x2002 => {
                reply.extend(self.le_acl.0.to_le_bytes());
                reply.push(self.le_acl.1);
            }
            // LE features: encryption.
            0x2003 => reply.extend([1, 0, 0, 0, 0, 0, 0, 0]),
            // Link policy, supervision and payload time-outs: the handle again.
            0x080d | 0x0c37 | 0x0c7c => reply.extend(parameters.iter().take(2)),
            // RSSI, key size.
            0x1405 => reply.extend(parameters.iter().take(2).chain(&[0xd8])),
            0x1408 => reply.extend(parameters.iter().take(2).chain(&[0x10])),
            _ => reply.extend(constant(opcode)),
        }
        reply
    }
}

/// Return parameters that never change.
fn constant(opcode: u16) -> Vec<u8> {
    let fixed: &[u8] = match opcode {
        0x0c0d => &[0, 0, 0, 0],
        0x0c12 => &[0, 0],
        0x0c14 => return vec![0; 248],
        0x0c15 => &[0, 0x7d],
        0x0c17 => &[0, 0x20],
        0x0c19 | 0x0c1f | 0x0c44 | 0x0c46 | 0x0c55 | 0x0c58 | 0x0c5a | 0x0c79 => &[0],
        0x0c1b => &[0, 8, 0x12, 0],
        0x0c1d => &[0, 0x10, 0x12, 0],
        0x0c23 => &[0, 0, 0],
        0x0c25 => &[0x60, 0],
        0x0c38 => &[2],
        0x0c39 => &[1, 0x33, 0x8b, 0x9e],
        0x0c51 => return vec![0; 241],
        0x0c57 => return vec![0; 32],
        0x0c6c => &[0, 0],
        0x080e => &[0, 0],
        0x100b => &[2, 0, 2, 0],
        0x2007 => &[4],
        0x200f | 0x202a => &[16],
        0x2017 => return vec![0; 16],
        0x2018 => return vec![0x5a; 8],
        0x201c => &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
        0x2023 => &[27, 0, 0x48, 1],
        0x202f => &[251, 0, 0x48, 8, 251, 0, 0x48, 8],
        _ => &[],
    };
    fixed.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_told_as_configured() {
        let kind = Kind {
            acl: (0x0155, 3),
            sco: (64, 5),
            ..Kind::default()
        };
        let reply = kind.reply(0x1005, &[], 0);
        assert_eq!(reply, [0, 0x55, 1, 64, 3, 0, 5, 0]);
    }

    #[test]
    fn le_is_a_feature() {
        let le = Kind {
            bredr: false,
            le: true,
            ..Kind::default()
        };
        assert_eq!(le.features()[4], 0x60);
        assert_eq!(Kind::default().features()[4] & 0x40, 0);
    }
}
