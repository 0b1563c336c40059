// SPDX-License-Identifier: GPL-2.0

//! The file that says which device this is, and how it answers what no emulation knows.

use serde::Deserialize;

use crate::hex;

/// A device. Every key has a default: an empty file is a plain controller with the class's own
/// identification, like a CSR dongle of the good kind.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Description {
    /// idVendor.
    pub vendor: u16,
    /// idProduct.
    pub product: u16,
    /// bcdDevice.
    pub version: u16,
    /// The device's class, subclass and protocol.
    pub class: [u8; 3],
    /// iManufacturer's text; empty: it has none.
    pub manufacturer: String,
    /// iProduct's text.
    pub product_name: String,
    /// iSerialNumber's text.
    pub serial: String,
    /// bMaxPacketSize0.
    pub control_size: u8,
    /// Whether it has power of its own.
    pub self_powered: bool,
    /// Whether it can wake the host.
    pub remote_wakeup: bool,
    /// What it draws, in mA.
    pub max_power: u16,
    /// Class, subclass and protocol of the two Bluetooth interfaces; the device's own if left out.
    pub interface_class: Option<[u8; 3]>,
    /// bmRequestType of the requests that carry commands, where it is not the class's.
    pub command_type: u8,
    /// The events' endpoint.
    pub interrupt: Interrupt,
    /// The ACL data's endpoints.
    pub bulk: Bulk,
    /// The SCO data's endpoints; `present = false` for a device without.
    pub isochronous: Isochronous,
    /// Other interfaces, after the two.
    pub interface: Vec<ExtraInterface>,
    /// Commands that are answered here and do not reach the controller.
    pub command: Vec<Answer>,
    /// Control requests other than HCI commands and USB's own; any that is not here is stalled.
    pub request: Vec<ControlRequest>,
    /// Rules that hold from the beginning: the words of the control command `fault`.
    pub fault: Vec<String>,
}

/// The events' endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Interrupt {
    /// Its address.
    pub address: u8,
    /// wMaxPacketSize, in bytes.
    pub size: u16,
    /// bInterval, in ms.
    pub interval: u8,
}

/// The ACL data's endpoints.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bulk {
    /// Address of the one to the host.
    #[serde(rename = "in")]
    pub input: u8,
    /// Address of the one from the host.
    #[serde(rename = "out")]
    pub output: u8,
    /// wMaxPacketSize of both, in bytes.
    pub size: u16,
    /// What goes out before the firmware runs.
    pub carries: Carries,
    /// Opcode of the command after which it runs, and ACL data goes out.
    pub until: u16,
}

/// What a bulk endpoint carries while there is no firmware yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carries {
    /// ACL data, as ever.
    #[default]
    Acl,
    /// HCI commands, one a transfer (Intel).
    Commands,
    /// The firmware itself (Qualcomm).
    Firmware,
}

/// The SCO data's endpoints.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Isochronous {
    /// Whether there is an interface 1 at all.
    pub present: bool,
    /// Address of the one to the host.
    #[serde(rename = "in")]
    pub input: u8,
    /// Address of the one from the host.
    #[serde(rename = "out")]
    pub output: u8,
    /// wMaxPacketSize of both in each alternate setting, in bytes.
    pub sizes: Vec<u16>,
    /// bInterval, in ms.
    pub interval: u8,
}

/// An interface that only takes its place in the descriptors: what goes out is taken, and nothing
/// comes in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraInterface {
    /// Its class, subclass and protocol.
    pub class: [u8; 3],
    /// Its endpoints.
    #[serde(default)]
    pub endpoint: Vec<ExtraEndpoint>,
    /// Class descriptors that follow it, in hexadecimal digits.
    #[serde(default)]
    pub extra: String,
}

/// An endpoint of such an interface.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtraEndpoint {
    /// Its address.
    pub address: u8,
    /// Its transfer type: 1 isochronous, 2 bulk, 3 interrupt.
    #[serde(rename = "type")]
    pub kind: u8,
    /// wMaxPacketSize, in bytes.
    pub size: u16,
    /// bInterval.
    #[serde(default)]
    pub interval: u8,
}

/// How a command is answered. The first that matches and has `times` left is taken.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// The command's opcode.
    pub opcode: u16,
    /// What its parameters begin with, in hexadecimal digits.
    pub parameters: String,
    /// Return parameters of a Command Complete, in hexadecimal digits.
    pub returns: Option<String>,
    /// A Command Status with this status.
    pub status: Option<u8>,
    /// Whole events, in hexadecimal digits; after those of `returns` and `status`. With none of
    /// the three the command is swallowed.
    pub events: Vec<String>,
    /// The same on the bulk endpoint, as some bootloaders do.
    pub acl: Vec<String>,
    /// What control requests that are `queued` bring afterwards, one each, in hexadecimal digits.
    pub control: Vec<String>,
    /// Time before the answer, in ms.
    pub delay: u64,
    /// How many times; 0: always.
    pub times: u32,
    /// Whether the device leaves the bus after this, and comes back `replug` ms later.
    pub replug: Option<u64>,
}

/// How a control request is answered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlRequest {
    /// bmRequestType.
    #[serde(rename = "type")]
    pub kind: u8,
    /// bRequest.
    pub request: u8,
    /// wValue; any if left out.
    pub value: Option<u16>,
    /// wIndex; any if left out.
    pub index: Option<u16>,
    /// What comes in, in hexadecimal digits.
    pub data: String,
    /// Brings what a command's `control` left for it instead, or nothing.
    pub queued: bool,
    /// How many times; 0: always.
    pub times: u32,
}

impl Default for Description {
    fn default() -> Self {
        Self {
            vendor: 0x1d6b,
            product: 0x0f01,
            version: 0x0100,
            class: [0xe0, 1, 1],
            manufacturer: "Oxtooth".into(),
            product_name: "Virtual Bluetooth controller".into(),
            serial: String::new(),
            control_size: 64,
            self_powered: false,
            remote_wakeup: true,
            max_power: 100,
            interface_class: None,
            command_type: 0x20,
            interrupt: Interrupt::default(),
            bulk: Bulk::default(),
            isochronous: Isochronous::default(),
            interface: Vec::new(),
            command: Vec::new(),
            request: Vec::new(),
            fault: Vec::new(),
        }
    }
}

impl Default for Interrupt {
    fn default() -> Self {
        Self {
            address: 0x81,
            size: 16,
            interval: 1,
        }
    }
}

impl Default for Bulk {
    fn default() -> Self {
        Self {
            input: 0x82,
            output: 0x02,
            size: 64,
            carries: Carries::default(),
            until: 0,
        }
    }
}

impl Default for Isochronous {
    fn default() -> Self {
        // Vol 4 Part B 2.1.1: one 8 bit link, two or one 16 bit link, three, two 16 bit links,
        // three of them, and 63 for mSBC.
        let sizes = vec![0, 9, 17, 25, 33, 49, 63];
        Self {
            present: true,
            input: 0x83,
            output: 0x03,
            sizes,
            interval: 1,
        }
    }
}

/// A rule of [`Answer`], ready for use.
#[derive(Clone, Debug, Default)]
pub struct Rule {
    /// The command's opcode.
    pub opcode: u16,
    /// What its parameters begin with.
    pub parameters: Vec<u8>,
    /// Events.
    pub events: Vec<Vec<u8>>,
    /// ACL packets.
    pub acl: Vec<Vec<u8>>,
    /// What control requests bring afterwards.
    pub control: Vec<Vec<u8>>,
    /// Time before the answer, in ms.
    pub delay: u64,
    /// How many times are left; none: always.
    pub times: Option<u32>,
    /// See [`Answer::replug`].
    pub replug: Option<u64>,
}

impl Answer {
    /// Checks the digits and builds the events.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn rule(&self) -> Result<Rule, String> {
        let [low, high] = self.opcode.to_le_bytes();
        let mut events = Vec::new();
        if let Some(returns) = &self.returns {
            let returns = hex::bytes(returns)?;
            let length = u8::try_from(returns.len() + 3)
                .map_err(|_| format!("0x{:04x}: `returns` is too long", self.opcode))?;
            events.push([vec![0x0e, length, 1, low, high], returns].concat());
        }
        if let Some(status) = self.status {
            events.push(vec![0x0f, 4, status, 1, low, high]);
        }
        for event in &self.events {
            events.push(hex::bytes(event)?);
        }
        let all = |texts: &[String]| texts.iter().map(|text| hex::bytes(text)).collect();
        let acl: Result<_, String> = all(&self.acl);
        let control: Result<_, String> = all(&self.control);
        Ok(Rule {
            opcode: self.opcode,
            parameters: hex::bytes(&self.parameters)?,
            events,
            acl: acl?,
            control: control?,
            delay: self.delay,
            times: (self.times != 0).then_some(self.times),
            replug: self.replug,
        })
    }
}

impl Description {
    /// Reads the text of such a file.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let new: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for answer in &new.command {
            answer.rule()?;
        }
        for request in &new.request {
            hex::bytes(&request.data)?;
        }
        for interface in &new.interface {
            hex::bytes(&interface.extra)?;
        }
        if new.isochronous.present && new.isochronous.sizes.is_empty() {
            return Err("isochronous: `sizes` is empty".into());
        }
        Ok(new)
    }

    /// Class, subclass and protocol of the Bluetooth interfaces.
    pub fn interface_class(&self) -> [u8; 3] {
        self.interface_class.unwrap_or(self.class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_file_is_a_device() {
        let device = Description::parse("").unwrap();
        assert_eq!(
            (device.class, device.interface_class()),
            ([0xe0, 1, 1], [0xe0, 1, 1])
        );
        assert_eq!(device.isochronous.sizes, [0, 9, 17, 25, 33, 49, 63]);
    }

    #[test]
    fn answers() {
        let text = "vendor = 0x8087\nproduct = 0x0a2b\n\n[[command]]\nopcode = 0xfc05\n\
                    returns = \"00 37\"\n[[command]]\nopcode = 0xfc09\nstatus = 12\ntimes = 1\n\
                    [[command]]\nopcode = 0xfc0a\nevents = [\"ff 01 06\"]\n";
        let device = Description::parse(text).unwrap();
        let rules: Vec<_> = device
            .command
            .iter()
            .map(|answer| answer.rule().unwrap())
            .collect();
        assert_eq!(rules[0].events, [vec![0x0e, 5, 1, 0x05, 0xfc, 0, 0x37]]);
        assert_eq!(
            (rules[1].events.clone(), rules[1].times),
            (vec![vec![15, 4, 12, 1, 9, 0xfc]], Some(1))
        );
        assert_eq!(rules[2].events, [vec![0xff, 1, 6]]);
    }

    #[test]
    fn faults_of_a_file_are_told() {
        assert!(Description::parse("vendro = 1").is_err());
        assert!(Description::parse("[[command]]\nopcode = 1\nreturns = \"0\"").is_err());
        assert!(Description::parse("[isochronous]\nsizes = []").is_err());
    }
}
