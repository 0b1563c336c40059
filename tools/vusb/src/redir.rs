// SPDX-License-Identifier: GPL-2.0

//! The usbredir protocol, version 0.7, as the side that has the device.
//!
//! The protocol's description is `docs/usb-redirection-protocol.md` of the usbredir project. All
//! numbers are little endian and nothing is padded. Each packet begins with a header of type,
//! length of what follows, and id. The id has 32 bits until both sides have said in their hello
//! that they can do 64, as every QEMU of the last ten years does.

use std::fmt;

/// Completion status of a transfer or a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// It was done.
    Success = 0,
    /// The host took it back before it was done.
    Cancelled = 1,
    /// The request makes no sense: QEMU logs this as an error of the device's side.
    Invalid = 2,
    /// A transaction error on the bus.
    IoError = 3,
    /// The endpoint is halted, or the device refuses the request.
    Stall = 4,
    /// Nothing came.
    Timeout = 5,
    /// The device sent more than was asked for.
    Babble = 6,
}

/// Transfer type of an endpoint; the numbers are those of its descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EndpointType {
    /// Endpoint 0.
    Control = 0,
    /// Isochronous.
    Isochronous = 1,
    /// Bulk.
    Bulk = 2,
    /// Interrupt.
    Interrupt = 3,
}

/// `usb_redir_speed_full`.
pub const SPEED_FULL: u8 = 1;

mod cap {
    pub const CONNECT_DEVICE_VERSION: u32 = 1 << 1;
    pub const DEVICE_DISCONNECT_ACK: u32 = 1 << 3;
    pub const EP_INFO_MAX_PACKET_SIZE: u32 = 1 << 4;
    pub const IDS_64_BITS: u32 = 1 << 5;
    pub const BULK_LENGTH_32_BITS: u32 = 1 << 6;
}

/// What this side can do, and asks of the other side, too, so that every packet has one form.
pub const CAPABILITIES: u32 = cap::CONNECT_DEVICE_VERSION
    | cap::DEVICE_DISCONNECT_ACK
    | cap::EP_INFO_MAX_PACKET_SIZE
    | cap::IDS_64_BITS
    | cap::BULK_LENGTH_32_BITS;

mod kind {
    pub const HELLO: u32 = 0;
    pub const DEVICE_CONNECT: u32 = 1;
    pub const DEVICE_DISCONNECT: u32 = 2;
    pub const RESET: u32 = 3;
    pub const INTERFACE_INFO: u32 = 4;
    pub const EP_INFO: u32 = 5;
    pub const SET_CONFIGURATION: u32 = 6;
    pub const GET_CONFIGURATION: u32 = 7;
    pub const CONFIGURATION_STATUS: u32 = 8;
    pub const SET_ALT_SETTING: u32 = 9;
    pub const GET_ALT_SETTING: u32 = 10;
    pub const ALT_SETTING_STATUS: u32 = 11;
    pub const START_ISO_STREAM: u32 = 12;
    pub const STOP_ISO_STREAM: u32 = 13;
    pub const ISO_STREAM_STATUS: u32 = 14;
    pub const START_INTERRUPT_RECEIVING: u32 = 15;
    pub const STOP_INTERRUPT_RECEIVING: u32 = 16;
    pub const INTERRUPT_RECEIVING_STATUS: u32 = 17;
    pub const CANCEL_DATA_PACKET: u32 = 21;
    pub const DEVICE_DISCONNECT_ACK: u32 = 24;
    pub const CONTROL_PACKET: u32 = 100;
    pub const BULK_PACKET: u32 = 101;
    pub const ISO_PACKET: u32 = 102;
    pub const INTERRUPT_PACKET: u32 = 103;
}

/// Longest body that is believed: 128 KiB is more than any transfer of a Bluetooth driver.
const MAX_BODY: usize = 128 * 1024;

/// A control transfer's set-up packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// bmRequestType.
    pub kind: u8,
    /// bRequest.
    pub request: u8,
    /// wValue.
    pub value: u16,
    /// wIndex.
    pub index: u16,
    /// wLength, in bytes.
    pub length: u16,
}

/// What the host's side says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Its greeting, with its capabilities.
    Hello {
        /// Free text: QEMU's name and version.
        version: String,
        /// See [`CAPABILITIES`].
        capabilities: u32,
    },
    /// The bus was reset.
    Reset,
    /// SET_CONFIGURATION.
    SetConfiguration(u8),
    /// GET_CONFIGURATION.
    GetConfiguration,
    /// SET_INTERFACE.
    SetAltSetting {
        /// The interface's number.
        interface: u8,
        /// Its alternate setting.
        alt: u8,
    },
    /// GET_INTERFACE.
    GetAltSetting {
        /// The interface's number.
        interface: u8,
    },
    /// Isochronous packets are wanted, or will come, from now on.
    StartIsoStream {
        /// The endpoint's address.
        endpoint: u8,
    },
    /// No more of them.
    StopIsoStream {
        /// The endpoint's address.
        endpoint: u8,
    },
    /// Interrupt packets are wanted from now on.
    StartInterruptReceiving {
        /// The endpoint's address.
        endpoint: u8,
    },
    /// No more of them.
    StopInterruptReceiving {
        /// The endpoint's address.
        endpoint: u8,
    },
    /// The transfer with this id is taken back.
    Cancel,
    /// The device's disconnection was noticed.
    DisconnectAck,
    /// A control transfer other than those above; `data` is what goes out.
    Control {
        /// The set-up packet.
        setup: Setup,
        /// Empty if the transfer goes in.
        data: Vec<u8>,
    },
    /// A bulk transfer; `data` is what goes out.
    Bulk {
        /// The endpoint's address.
        endpoint: u8,
        /// Bytes to transfer.
        length: u32,
        /// Empty if the transfer goes in.
        data: Vec<u8>,
    },
    /// One isochronous packet that goes out.
    Iso {
        /// The endpoint's address.
        endpoint: u8,
        /// What it carries.
        data: Vec<u8>,
    },
    /// Something that a Bluetooth device has no use for (streams, filters, interrupt out).
    Other(u32),
}

/// What does not follow the protocol; the connection is of no use after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// A body is longer than anything that is believed.
    TooLong(u32, usize),
    /// A body is shorter than its type's header.
    TooShort(u32),
    /// The other side lacks these capabilities.
    Lacks(u32),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::TooLong(kind, length) => write!(f, "packet of type {kind}: {length} bytes"),
            Error::TooShort(kind) => write!(f, "packet of type {kind} is too short"),
            Error::Lacks(caps) => write!(f, "the other side lacks capabilities 0x{caps:x}"),
        }
    }
}

/// Little endian fields, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn rest(self) -> Vec<u8> {
        self.0.to_vec()
    }
}

/// Cuts the host's byte stream into packets.
#[derive(Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    wide: bool,
}

impl Decoder {
    /// A decoder at the beginning of a connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole packet and its id, if there is one.
    ///
    /// # Errors
    ///
    /// See [`Error`].
    pub fn next_packet(&mut self) -> Result<Option<(u64, Request)>, Error> {
        let mut fields = Fields(&self.buffer);
        let Some((kind, length, id)) = header(&mut fields, self.wide) else {
            return Ok(None);
        };
        let length = length as usize;
        if length > MAX_BODY {
            return Err(Error::TooLong(kind, length));
        }
        let Some(body) = fields.0.get(..length) else {
            return Ok(None);
        };
        let used = self.buffer.len() - fields.0.len() + length;
        let request = parse(kind, Fields(body)).ok_or(Error::TooShort(kind))?;
        self.buffer.drain(..used);
        if let Request::Hello { capabilities, .. } = request {
            let missing = CAPABILITIES & !capabilities;
            if missing != 0 {
                return Err(Error::Lacks(missing));
            }
            self.wide = true;
        }
        Ok(Some((id, request)))
    }
}

fn header(fields: &mut Fields<'_>, wide: bool) -> Option<(u32, u32, u64)> {
    let kind = fields.u32()?;
    let length = fields.u32()?;
    let id = if wide {
        fields.u64()?
    } else {
        fields.u32()?.into()
    };
    Some((kind, length, id))
}

fn parse(kind: u32, mut body: Fields<'_>) -> Option<Request> {
    Some(match kind {
        kind::HELLO => {
            let text: [u8; 64] = body.bytes()?;
            let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
            let version = String::from_utf8_lossy(text).into_owned();
            let capabilities = body.u32().unwrap_or(0);
            Request::Hello {
                version,
                capabilities,
            }
        }
        kind::RESET => Request::Reset,
        kind::SET_CONFIGURATION => Request::SetConfiguration(body.u8()?),
        kind::GET_CONFIGURATION => Request::GetConfiguration,
        kind::SET_ALT_SETTING => Request::SetAltSetting {
            interface: body.u8()?,
            alt: body.u8()?,
        },
        kind::GET_ALT_SETTING => Request::GetAltSetting {
            interface: body.u8()?,
        },
        kind::START_ISO_STREAM => Request::StartIsoStream {
            endpoint: body.u8()?,
        },
        kind::STOP_ISO_STREAM => Request::StopIsoStream {
            endpoint: body.u8()?,
        },
        kind::START_INTERRUPT_RECEIVING => Request::StartInterruptReceiving {
            endpoint: body.u8()?,
        },
        kind::STOP_INTERRUPT_RECEIVING => Request::StopInterruptReceiving {
            endpoint: body.u8()?,
        },
        kind::CANCEL_DATA_PACKET => Request::Cancel,
        kind::DEVICE_DISCONNECT_ACK => Request::DisconnectAck,
        kind::CONTROL_PACKET => {
            let _endpoint = body.u8()?;
            let request = body.u8()?;
            let kind = body.u8()?;
            let _status = body.u8()?;
            let (value, index, length) = (body.u16()?, body.u16()?, body.u16()?);
            let setup = Setup {
                kind,
                request,
                value,
                index,
                length,
            };
            Request::Control {
                setup,
                data: body.rest(),
            }
        }
        kind::BULK_PACKET => {
            let endpoint = body.u8()?;
            let _status = body.u8()?;
            let low = body.u16()?;
            let _stream = body.u32()?;
            let high = body.u16()?;
            let length = (u32::from(high) << 16) | u32::from(low);
            Request::Bulk {
                endpoint,
                length,
                data: body.rest(),
            }
        }
        kind::ISO_PACKET => {
            let endpoint = body.u8()?;
            let _status = body.u8()?;
            let _length = body.u16()?;
            Request::Iso {
                endpoint,
                data: body.rest(),
            }
        }
        other => Request::Other(other),
    })
}

/// What `ep_info` tells of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub address: u8,
    /// Its transfer type.
    pub kind: EndpointType,
    /// bInterval.
    pub interval: u8,
    /// The interface that it belongs to.
    pub interface: u8,
    /// wMaxPacketSize, in bytes.
    pub max_packet_size: u16,
}

/// What `interface_info` tells of one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its number.
    pub number: u8,
    /// Its class, subclass and protocol.
    pub class: [u8; 3],
}

/// What `device_connect` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect {
    /// The device's class, subclass and protocol.
    pub class: [u8; 3],
    /// idVendor.
    pub vendor: u16,
    /// idProduct.
    pub product: u16,
    /// bcdDevice.
    pub version: u16,
}

fn packet(wide: bool, kind: u32, id: u64, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(16 + length);
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    if wide {
        out.extend_from_slice(&id.to_le_bytes());
    } else {
        // Only the hello goes out in this form, and its id is 0.
        out.extend_from_slice(&0u32.to_le_bytes());
    }
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// This side's greeting, the first thing on a connection.
pub fn hello() -> Vec<u8> {
    let mut version = [0; 64];
    for (to, from) in version.iter_mut().zip(b"oxtooth vusb") {
        *to = *from;
    }
    packet(
        false,
        kind::HELLO,
        0,
        &[&version, &CAPABILITIES.to_le_bytes()],
    )
}

/// The device is there: the last of the three packets that plug it in.
pub fn device_connect(of: &Connect) -> Vec<u8> {
    let head = [SPEED_FULL, of.class[0], of.class[1], of.class[2]];
    let numbers = [of.vendor, of.product, of.version].map(u16::to_le_bytes);
    packet(true, kind::DEVICE_CONNECT, 0, &[&head, &numbers.concat()])
}

/// The device is gone.
pub fn device_disconnect() -> Vec<u8> {
    packet(true, kind::DEVICE_DISCONNECT, 0, &[])
}

/// The interfaces of the current configuration, 32 at most.
pub fn interface_info(interfaces: &[Interface]) -> Vec<u8> {
    let count = u32::try_from(interfaces.len().min(32)).unwrap_or(32);
    let mut columns = [[0u8; 32]; 4];
    let [number, class, subclass, protocol] = &mut columns;
    for (position, interface) in interfaces.iter().take(32).enumerate() {
        for (column, value) in [
            (&mut *number, interface.number),
            (&mut *class, interface.class[0]),
            (&mut *subclass, interface.class[1]),
            (&mut *protocol, interface.class[2]),
        ] {
            if let Some(cell) = column.get_mut(position) {
                *cell = value;
            }
        }
    }
    packet(
        true,
        kind::INTERFACE_INFO,
        0,
        &[&count.to_le_bytes(), &columns.concat()],
    )
}

/// The endpoints of the current configuration and alternate settings.
pub fn ep_info(endpoints: &[Endpoint]) -> Vec<u8> {
    let mut types = [255u8; 32];
    let (mut intervals, mut interfaces, mut sizes) = ([0u8; 32], [0u8; 32], [[0u8; 2]; 32]);
    // Endpoint 0 is always there, in both directions.
    types[0] = EndpointType::Control as u8;
    types[16] = EndpointType::Control as u8;
    for endpoint in endpoints {
        let slot = usize::from(((endpoint.address & 0x80) >> 3) | (endpoint.address & 0x0f));
        if let (Some(kind), Some(interval), Some(interface), Some(size)) = (
            types.get_mut(slot),
            intervals.get_mut(slot),
            interfaces.get_mut(slot),
            sizes.get_mut(slot),
        ) {
            *kind = endpoint.kind as u8;
            *interval = endpoint.interval;
            *interface = endpoint.interface;
            *size = endpoint.max_packet_size.to_le_bytes();
        }
    }
    // A fifth column, max_streams, belongs to a capability that this side does not have.
    packet(
        true,
        kind::EP_INFO,
        0,
        &[&types, &intervals, &interfaces, &sizes.concat()],
    )
}

/// Answers SET_CONFIGURATION and GET_CONFIGURATION.
pub fn configuration_status(id: u64, status: Status, configuration: u8) -> Vec<u8> {
    packet(
        true,
        kind::CONFIGURATION_STATUS,
        id,
        &[&[status as u8, configuration]],
    )
}

/// Answers SET_INTERFACE and GET_INTERFACE.
pub fn alt_setting_status(id: u64, status: Status, interface: u8, alt: u8) -> Vec<u8> {
    packet(
        true,
        kind::ALT_SETTING_STATUS,
        id,
        &[&[status as u8, interface, alt]],
    )
}

/// Answers the start and the stop of isochronous packets, or ends them with an error.
pub fn iso_stream_status(id: u64, status: Status, endpoint: u8) -> Vec<u8> {
    packet(
        true,
        kind::ISO_STREAM_STATUS,
        id,
        &[&[status as u8, endpoint]],
    )
}

/// Answers the start and the stop of interrupt packets, or ends them with an error.
pub fn interrupt_receiving_status(id: u64, status: Status, endpoint: u8) -> Vec<u8> {
    packet(
        true,
        kind::INTERRUPT_RECEIVING_STATUS,
        id,
        &[&[status as u8, endpoint]],
    )
}

/// Completes a control transfer: `length` bytes were transferred, `data` are those that came in.
pub fn control(id: u64, setup: &Setup, status: Status, length: u16, data: &[u8]) -> Vec<u8> {
    let head = [setup.kind & 0x80, setup.request, setup.kind, status as u8];
    let numbers = [setup.value, setup.index, length].map(u16::to_le_bytes);
    packet(
        true,
        kind::CONTROL_PACKET,
        id,
        &[&head, &numbers.concat(), data],
    )
}

/// Completes a bulk transfer: `length` bytes were transferred, `data` are those that came in.
pub fn bulk(id: u64, endpoint: u8, status: Status, length: u32, data: &[u8]) -> Vec<u8> {
    let [l0, l1, l2, l3] = length.to_le_bytes();
    let head = [endpoint, status as u8, l0, l1, 0, 0, 0, 0, l2, l3];
    packet(true, kind::BULK_PACKET, id, &[&head, data])
}

/// One isochronous packet that comes in.
pub fn iso(id: u64, endpoint: u8, status: Status, data: &[u8]) -> Vec<u8> {
    small(kind::ISO_PACKET, id, endpoint, status, data)
}

/// One interrupt packet that comes in.
pub fn interrupt(id: u64, endpoint: u8, status: Status, data: &[u8]) -> Vec<u8> {
    small(kind::INTERRUPT_PACKET, id, endpoint, status, data)
}

fn small(kind: u32, id: u64, endpoint: u8, status: Status, data: &[u8]) -> Vec<u8> {
    let [low, high] = u16::try_from(data.len()).unwrap_or(u16::MAX).to_le_bytes();
    packet(
        true,
        kind,
        id,
        &[&[endpoint, status as u8, low, high], data],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host_hello(capabilities: u32) -> Vec<u8> {
        let mut body = [0u8; 68];
        body[..4].copy_from_slice(b"qemu");
        body[64..].copy_from_slice(&capabilities.to_le_bytes());
        packet(false, kind::HELLO, 0, &[&body])
    }

    #[test]
    fn hello_then_wide_ids() {
        let mut decoder = Decoder::new();
        let mut bytes = host_hello(0xff);
        bytes.extend(packet(true, kind::SET_CONFIGURATION, 1 << 40, &[&[1]]));
        // One byte at a time: a socket may cut anywhere.
        let mut found = Vec::new();
        for byte in bytes {
            decoder.push(&[byte]);
            while let Some(packet) = decoder.next_packet().unwrap() {
                found.push(packet);
            }
        }
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0].1,
            Request::Hello {
                version: "qemu".into(),
                capabilities: 0xff
            }
        );
        assert_eq!(found[1], (1 << 40, Request::SetConfiguration(1)));
    }

    #[test]
    fn an_old_peer_is_refused() {
        let mut decoder = Decoder::new();
        decoder.push(&host_hello(cap::CONNECT_DEVICE_VERSION));
        assert!(matches!(decoder.next_packet(), Err(Error::Lacks(_))));
    }

    #[test]
    fn nonsense_is_refused() {
        let mut decoder = Decoder::new();
        decoder.push(&host_hello(0xff));
        decoder.next_packet().unwrap();
        decoder.push(&packet(true, kind::SET_ALT_SETTING, 0, &[&[1]]));
        assert_eq!(
            decoder.next_packet(),
            Err(Error::TooShort(kind::SET_ALT_SETTING))
        );
        let mut decoder = Decoder::new();
        decoder.push(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0]);
        assert!(matches!(decoder.next_packet(), Err(Error::TooLong(0, _))));
    }

    #[test]
    fn lengths_of_the_fixed_packets() {
        // The structures of usbredirproto.h, without the header of 16 bytes.
        assert_eq!(hello().len(), 12 + 64 + 4);
        let connect = Connect {
            class: [0xe0, 1, 1],
            vendor: 0x0a12,
            product: 1,
            version: 0x100,
        };
        assert_eq!(device_connect(&connect).len(), 16 + 10);
        assert_eq!(interface_info(&[]).len(), 16 + 4 + 4 * 32);
        assert_eq!(ep_info(&[]).len(), 16 + 3 * 32 + 64);
        assert_eq!(bulk(0, 0x82, Status::Success, 0, &[]).len(), 16 + 10);
        assert_eq!(
            control(0, &Setup::default(), Status::Stall, 0, &[]).len(),
            16 + 10
        );
        assert_eq!(iso(0, 0x83, Status::Success, &[1, 2, 3]).len(), 16 + 4 + 3);
    }

    #[test]
    fn endpoints_have_their_slots() {
        let info = ep_info(&[Endpoint {
            address: 0x81,
            kind: EndpointType::Interrupt,
            interval: 1,
            interface: 0,
            max_packet_size: 16,
        }]);
        let body = &info[16..];
        assert_eq!((body[0], body[16], body[17], body[1]), (0, 0, 3, 255));
        assert_eq!(&body[96 + 2 * 17..96 + 2 * 17 + 2], &[16, 0]);
    }

    #[test]
    fn transfers_of_the_host() {
        let mut decoder = Decoder {
            wide: true,
            ..Decoder::default()
        };
        decoder.push(&bulk(7, 0x02, Status::Success, 0x1_0002, b"ab"));
        let expected = Request::Bulk {
            endpoint: 2,
            length: 0x1_0002,
            data: b"ab".to_vec(),
        };
        assert_eq!(decoder.next_packet(), Ok(Some((7, expected))));
        let setup = Setup {
            kind: 0x20,
            request: 0,
            value: 0,
            index: 0,
            length: 3,
        };
        decoder.push(&control(8, &setup, Status::Success, 3, &[3, 12, 0]));
        let expected = Request::Control {
            setup,
            data: vec![3, 12, 0],
        };
        assert_eq!(decoder.next_packet(), Ok(Some((8, expected))));
        assert_eq!(decoder.next_packet(), Ok(None));
    }
}
