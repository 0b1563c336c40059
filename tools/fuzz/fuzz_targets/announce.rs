// SPDX-License-Identifier: GPL-2.0

//! What a device says about itself, for any name, any services and any controller: it is well formed, and it fits. And what
//! bring-up asks of a controller with any abilities: no event and nothing else that it does not know.

#![no_main]

use engine::{
    announce::{
        access_codes,
        adv_data,
        scan_rsp_data,
        used,
        InquiryResponse, //
    },
    bringup::{
        default_link_policy,
        default_phys,
        default_rate,
        event_mask,
        event_mask_page_2,
        inquiry_mode,
        le_event_mask,
        packet_types,
        Abilities,
        VERSION_1_2, //
    },
    connection::{
        legacy_event_type,
        Range, //
    },
};
use libfuzzer_sys::fuzz_target;
use oxtooth_fuzz::Input;
use wire::{
    eir::Fields,
    hci::{
        event_mask::{
            EventMask,
            LeEventMask, //
        },
        features::{
            LeFeatures,
            LmpFeatures,
            LmpPage, //
        },
        le::{
            ConnIntervalGroup,
            Phys, //
        },
        link_policy::LinkPolicy,
        CommandBit,
        SupportedCommands, //
    },
};

fn array<const N: usize>(input: &mut Input<'_>) -> [u8; N] {
    core::array::from_fn(|_| input.u8())
}

/// Nothing but whole fields, and then zeros.
fn well_formed(data: &[u8]) {
    let mut fields = Fields::new(data);
    while fields.next().is_some() {}
    let rest = &data[data.len() - fields.remaining()..];
    assert!(rest.iter().all(|octet| *octet == 0), "{data:02x?}");
}

fn bring_up(can: &Abilities<'_>, suspended: bool, input: &mut Input<'_>) {
    let rssi = input.bit();
    let mask = event_mask(can, rssi, suspended);
    assert_eq!(mask.is_some(), can.hci_version >= VERSION_1_2);
    if let Some(mask) = mask {
        assert_eq!(mask.contains(EventMask::LE_META), can.lmp.le());
        assert_eq!(
            mask.contains(EventMask::IO_CAPABILITY_REQUEST),
            can.lmp.ssp()
        );
        assert!(!suspended || !mask.contains(EventMask::DISCONNECTION_COMPLETE));
        // Awake it is told more, and of what it is told asleep nothing is missing.
        let awake = event_mask(can, rssi, false).unwrap();
        assert!(awake.contains(mask));
    }
    if let Some(mask) = event_mask_page_2(can) {
        assert!(can.commands.supports(CommandBit::SET_EVENT_MASK_PAGE_2) && !mask.is_empty());
    }
    let (enhanced, extended) = (input.bit(), input.bit());
    let mask = le_event_mask(can, enhanced, extended);
    for (event, wanted) in [
        (LeEventMask::ENHANCED_CONNECTION_COMPLETE, enhanced),
        (LeEventMask::EXTENDED_ADVERTISING_REPORT, extended),
        (LeEventMask::LONG_TERM_KEY_REQUEST, can.le.encryption()),
        (
            LeEventMask::CONNECTION_COMPLETE,
            can.commands.supports(CommandBit::LE_CREATE_CONNECTION),
        ),
    ] {
        assert_eq!(mask.contains(event), wanted, "{event:?}");
    }
    // EDR's bits of ACL links forbid, and bring-up leaves them alone.
    let (acl, _) = packet_types(can.lmp);
    assert_eq!(acl & 0x3306, 0);
    assert_eq!(
        default_link_policy(can.lmp).contains(LinkPolicy::SNIFF),
        can.lmp.sniff()
    );
    assert_eq!(inquiry_mode(can.lmp) == 2, can.lmp.ext_inquiry());
    let coded = input.bit();
    let phys = default_phys(can.le, coded);
    assert!(phys.contains(Phys::LE_1M));
    assert!(!phys.contains(Phys::LE_CODED) || coded && can.le.phy_coded());
    let mut groups = Vec::new();
    for _ in 0..input.below(4) {
        groups.push(ConnIntervalGroup {
            min: input.u16().into(),
            max: input.u16().into(),
            stride: 1.into(),
        });
    }
    let rate = default_rate(&groups);
    assert!(rate.interval_min.get() >= 0x000a && rate.interval_min <= rate.interval_max);
    assert!(groups.is_empty() || groups.iter().any(|group| rate.interval_min >= group.min));
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let name = input.bytes(248);
    let short_name = input.bytes(11);
    let power = input.bit().then_some(input.u8() as i8);
    let device_id = input.bit().then_some([1, 2, 3, 4]);
    let flags = input.u8();
    let mut uuids = Vec::new();
    for _ in 0..input.below(64) {
        uuids.push(array::<16>(&mut input));
    }
    let response = InquiryResponse {
        name,
        tx_power: power,
        device_id,
    };
    well_formed(&response.build(uuids.into_iter()));
    let adv = adv_data(flags, power);
    well_formed(adv.as_slice());
    let scan_rsp = scan_rsp_data(input.u16(), name, short_name);
    well_formed(scan_rsp.as_slice());
    assert!(adv.len() <= 31 && scan_rsp.len() <= 31);
    assert!(!used(name).contains(&0));
    let (count, _) = access_codes(flags & 1 != 0, input.u8());
    assert!(count <= 2);

    let mut lmp = LmpFeatures::default();
    for page in 0..3 {
        lmp.set_page(page, LmpPage(array(&mut input)));
    }
    let le = LeFeatures::from_page0(array(&mut input));
    let commands = SupportedCommands(array(&mut input));
    let can = Abilities {
        hci_version: input.u8(),
        commands: &commands,
        lmp: &lmp,
        le: &le,
    };
    let suspended = input.bit();
    bring_up(&can, suspended, &mut input);
    let _ = legacy_event_type(input.u16());
    let range = Range {
        min: input.u16(),
        max: input.u16(),
        latency: input.u16(),
        timeout: input.u16(),
    };
    if range.is_valid() {
        assert!((6..=3200).contains(&range.min) && range.min <= range.max);
        assert!((10..=3200).contains(&range.timeout) && range.latency <= 499);
        // The link is not lost between two events that the peripheral listens to (Vol 4 Part E 7.8.12); as long is
        // allowed, as by the C stack, and without latency the interval may be longer than that.
        let between = (u64::from(range.latency) + 1) * u64::from(range.max) * 2;
        assert!(range.latency == 0 || u64::from(range.timeout) * 8 >= between);
    }
});
