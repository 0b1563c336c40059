// SPDX-License-Identifier: GPL-2.0

//! Descriptors (USB 2.0, chapter 9) of a [`Description`], and what usbredir wants to know of them.

use crate::config::Description;
use crate::hex;
use crate::redir::{Connect, Endpoint, EndpointType, Interface};

mod kind {
    pub const DEVICE: u8 = 1;
    pub const CONFIGURATION: u8 = 2;
    pub const STRING: u8 = 3;
    pub const INTERFACE: u8 = 4;
    pub const ENDPOINT: u8 = 5;
}

/// The number of the only configuration.
pub const CONFIGURATION: u8 = 1;
/// The number of the interface with the isochronous endpoints.
pub const ISOCHRONOUS_INTERFACE: u8 = 1;

const MANUFACTURER: u8 = 1;
const PRODUCT: u8 = 2;
const SERIAL: u8 = 3;

fn string_index(text: &str, index: u8) -> u8 {
    if text.is_empty() {
        0
    } else {
        index
    }
}

/// The device descriptor.
pub fn device(of: &Description) -> Vec<u8> {
    let mut out = vec![18, kind::DEVICE, 0x00, 0x02];
    out.extend(of.class);
    out.push(of.control_size);
    for number in [of.vendor, of.product, of.version] {
        out.extend(number.to_le_bytes());
    }
    out.push(string_index(&of.manufacturer, MANUFACTURER));
    out.push(string_index(&of.product_name, PRODUCT));
    out.push(string_index(&of.serial, SERIAL));
    out.push(1);
    out
}

fn interface(out: &mut Vec<u8>, number: u8, alt: u8, endpoints: u8, class: [u8; 3]) {
    out.extend([9, kind::INTERFACE, number, alt, endpoints]);
    out.extend(class);
    out.push(0);
}

fn endpoint(out: &mut Vec<u8>, address: u8, attributes: u8, size: u16, interval: u8) {
    out.extend([7, kind::ENDPOINT, address, attributes]);
    out.extend(size.to_le_bytes());
    out.push(interval);
}

/// The number of interface `position` among the extra ones.
fn extra_number(of: &Description, position: usize) -> u8 {
    let first = if of.isochronous.present { 2 } else { 1 };
    u8::try_from(position)
        .unwrap_or(u8::MAX)
        .saturating_add(first)
}

/// The configuration descriptor with all that follows it.
pub fn configuration(of: &Description) -> Vec<u8> {
    let class = of.interface_class();
    let mut out = Vec::new();
    interface(&mut out, 0, 0, 3, class);
    endpoint(
        &mut out,
        of.interrupt.address,
        3,
        of.interrupt.size,
        of.interrupt.interval,
    );
    endpoint(&mut out, of.bulk.input, 2, of.bulk.size, 0);
    endpoint(&mut out, of.bulk.output, 2, of.bulk.size, 0);
    let mut count = 1u8;
    if of.isochronous.present {
        count = 2;
        for (size, alt) in of.isochronous.sizes.iter().zip(0u8..) {
            interface(&mut out, ISOCHRONOUS_INTERFACE, alt, 2, class);
            for address in [of.isochronous.output, of.isochronous.input] {
                endpoint(&mut out, address, 1, *size, of.isochronous.interval);
            }
        }
    }
    for (position, extra) in of.interface.iter().enumerate() {
        count = count.saturating_add(1);
        let endpoints = u8::try_from(extra.endpoint.len()).unwrap_or(u8::MAX);
        interface(
            &mut out,
            extra_number(of, position),
            0,
            endpoints,
            extra.class,
        );
        // The digits were checked when the file was read.
        out.extend(hex::bytes(&extra.extra).unwrap_or_default());
        for one in &extra.endpoint {
            endpoint(&mut out, one.address, one.kind, one.size, one.interval);
        }
    }
    let total = u16::try_from(out.len() + 9)
        .unwrap_or(u16::MAX)
        .to_le_bytes();
    let attributes = 0x80 | (u8::from(of.self_powered) << 6) | (u8::from(of.remote_wakeup) << 5);
    let power = u8::try_from(of.max_power / 2).unwrap_or(u8::MAX);
    let mut whole = vec![
        9,
        kind::CONFIGURATION,
        total[0],
        total[1],
        count,
        CONFIGURATION,
        0,
    ];
    whole.extend([attributes, power]);
    whole.extend(out);
    whole
}

fn string(of: &Description, index: u8) -> Option<Vec<u8>> {
    let body: Vec<u8> = match index {
        0 => vec![0x09, 0x04],
        MANUFACTURER => of
            .manufacturer
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        PRODUCT => of
            .product_name
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        SERIAL => of
            .serial
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        _ => return None,
    };
    if body.is_empty() {
        return None;
    }
    let mut out = vec![u8::try_from(body.len() + 2).ok()?, kind::STRING];
    out.extend(body);
    Some(out)
}

/// What GET_DESCRIPTOR with this wValue gives; none: it is stalled.
pub fn get(of: &Description, value: u16) -> Option<Vec<u8>> {
    let [index, kind] = value.to_le_bytes();
    match kind {
        kind::DEVICE => Some(device(of)),
        kind::CONFIGURATION if index == 0 => Some(configuration(of)),
        kind::STRING => string(of, index),
        _ => None,
    }
}

/// What plugs it in.
pub fn connect(of: &Description) -> Connect {
    Connect {
        class: of.class,
        vendor: of.vendor,
        product: of.product,
        version: of.version,
    }
}

/// The interfaces of the configuration.
pub fn interfaces(of: &Description) -> Vec<Interface> {
    let class = of.interface_class();
    let mut out = vec![Interface { number: 0, class }];
    if of.isochronous.present {
        out.push(Interface {
            number: ISOCHRONOUS_INTERFACE,
            class,
        });
    }
    out.extend(
        of.interface
            .iter()
            .enumerate()
            .map(|(position, extra)| Interface {
                number: extra_number(of, position),
                class: extra.class,
            }),
    );
    out
}

/// The endpoints with this alternate setting of the isochronous interface.
pub fn endpoints(of: &Description, alt: u8) -> Vec<Endpoint> {
    let mut out = Vec::new();
    let mut add = |address, kind, interval: u8, interface, max_packet_size| {
        out.push(Endpoint {
            address,
            kind,
            interval,
            interface,
            max_packet_size,
        });
    };
    let interrupt = &of.interrupt;
    add(
        interrupt.address,
        EndpointType::Interrupt,
        interrupt.interval,
        0,
        interrupt.size,
    );
    for address in [of.bulk.input, of.bulk.output] {
        add(address, EndpointType::Bulk, 0, 0, of.bulk.size);
    }
    if let Some(size) = of
        .isochronous
        .sizes
        .get(usize::from(alt))
        .filter(|_| of.isochronous.present)
    {
        for address in [of.isochronous.output, of.isochronous.input] {
            let interval = of.isochronous.interval;
            add(
                address,
                EndpointType::Isochronous,
                interval,
                ISOCHRONOUS_INTERFACE,
                *size,
            );
        }
    }
    for (position, extra) in of.interface.iter().enumerate() {
        for one in &extra.endpoint {
            let kind = match one.kind & 3 {
                1 => EndpointType::Isochronous,
                2 => EndpointType::Bulk,
                3 => EndpointType::Interrupt,
                _ => continue,
            };
            // QEMU refuses a periodic endpoint without an interval.
            add(
                one.address,
                kind,
                one.interval.max(1),
                extra_number(of, position),
                one.size,
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (type, bytes) of each descriptor.
    fn walk(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
        let mut out = Vec::new();
        while !bytes.is_empty() {
            let length = usize::from(bytes[0]);
            out.push((bytes[1], bytes[..length].to_vec()));
            bytes = &bytes[length..];
        }
        out
    }

    #[test]
    fn the_device() {
        let mut of = Description {
            vendor: 0x0a12,
            product: 1,
            ..Description::default()
        };
        of.serial.clear();
        let bytes = device(&of);
        assert_eq!(bytes.len(), 18);
        assert_eq!(&bytes[4..12], &[0xe0, 1, 1, 64, 0x12, 0x0a, 1, 0]);
        assert_eq!(bytes[16..], [0, 1]);
        assert_eq!(get(&of, 0x0303), None);
    }

    #[test]
    fn the_configuration() {
        let bytes = configuration(&Description::default());
        assert_eq!(
            usize::from(u16::from_le_bytes([bytes[2], bytes[3]])),
            bytes.len()
        );
        let all = walk(&bytes);
        let interfaces: Vec<_> = all.iter().filter(|one| one.0 == kind::INTERFACE).collect();
        assert_eq!(interfaces.len(), 1 + 7);
        assert_eq!(all[0].1[4], 2);
        let sizes: Vec<_> = all
            .iter()
            .filter(|one| one.0 == kind::ENDPOINT && one.1[2] == 0x83)
            .map(|one| u16::from_le_bytes([one.1[4], one.1[5]]))
            .collect();
        assert_eq!(sizes, [0, 9, 17, 25, 33, 49, 63]);
    }

    #[test]
    fn without_isochronous_and_with_more() {
        let text = "[isochronous]\npresent = false\n[[interface]]\nclass = [254, 1, 1]\n\
                    extra = \"07 21 07 88 13 ff 03\"\n";
        let of = Description::parse(text).unwrap();
        let all = walk(&configuration(&of));
        assert_eq!(all.iter().filter(|one| one.0 == kind::INTERFACE).count(), 2);
        assert_eq!(all.last().unwrap().1.len(), 7);
        assert_eq!(interfaces(&of)[1].number, 1);
        assert_eq!(endpoints(&of, 0).len(), 3);
    }

    #[test]
    fn strings() {
        let of = Description {
            product_name: "Bö".into(),
            ..Description::default()
        };
        assert_eq!(get(&of, 0x0302), Some(vec![6, 3, b'B', 0, 0xf6, 0]));
        assert_eq!(get(&of, 0x0300), Some(vec![4, 3, 9, 4]));
        assert_eq!(get(&of, 0x0f00), None);
    }
}
