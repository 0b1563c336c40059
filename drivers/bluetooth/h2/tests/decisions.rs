// SPDX-License-Identifier: GPL-2.0

//! What the driver decides.

use h2::{
    alt::{
        choose,
        AirMode,
        Available,
        Voice, //
    },
    csr,
    devices::{
        MATCH,
        QUIRKS, //
    },
    ids::{
        flags,
        resolve,
        Id,
        Identity, //
    },
    isoc::{
        frames,
        split,
        Pace,
        MAX_FRAMES, //
    },
    plan::{
        plan,
        Facts,
        Params,
        Quirk,
        Reset,
        Setup,
        Support,
        Vendor, //
    },
    qca,
    throttle::{
        Failure,
        Step,
        Throttle, //
    },
};

const PLAIN: Identity = Identity {
    vendor: 0x1d6b,
    product: 0x0f01,
    release: 0x0100,
    device: [0xe0, 1, 1],
    interface: [0xe0, 1, 1],
};

const PARAMS: Params = Params {
    reset: true,
    force_scofix: false,
    disable_scofix: false,
};

const ALL: Support = Support {
    broadcom: true,
    mediatek: true,
    realtek: true,
};

fn planned(info: u32) -> h2::plan::Plan {
    let facts = Facts {
        info,
        id: (1, 2),
        release: 0x0200,
    };
    plan(&facts, &PARAMS, &ALL)
}

fn settings(numbers: &[u8]) -> Available {
    let mut available = Available::default();
    numbers.iter().for_each(|&n| available.add(n));
    available
}

#[test]
fn tables() {
    assert!(MATCH.iter().any(|id| id.matches(&PLAIN)));
    assert_eq!(resolve(flags::NONE, &PLAIN), flags::NONE);
    let csr = Identity {
        vendor: 0x0a12,
        product: 1,
        ..PLAIN
    };
    assert_eq!(resolve(flags::NONE, &csr), flags::CSR);
    assert_eq!(resolve(flags::AMP, &csr), flags::AMP);
    // A row that is hidden by one before it says the same (the kernel's table has such twins).
    for (n, id) in QUIRKS.iter().enumerate() {
        for before in &QUIRKS[..n] {
            let same = Id { info: 0, ..*before } == Id { info: 0, ..*id };
            assert!(!same || before.info == id.info, "hidden: {id:x?}");
        }
    }
}

#[test]
fn a_vendor_specific_device_has_its_own_classes() {
    let any = Id::interface_info(0xe0, 1, 1, 0);
    let own = Id::vendor_and_interface_info(0x1d6b, 0xe0, 1, 1, 0);
    let device = Identity {
        device: [0xff, 0, 0],
        ..PLAIN
    };
    assert!(!any.matches(&device));
    assert!(own.matches(&device));
    assert!(any.matches(&Identity {
        device: [0; 3],
        ..PLAIN
    }));
}

#[test]
fn plans() {
    let plain = planned(0);
    assert_eq!(plain.request, (0x20, 0));
    assert_eq!(plain.vendor, Vendor::Generic);
    assert_eq!(plain.quirks.iter().count(), 0);
    assert!(plain.isoc && plain.setup.is_none() && plain.reset == Reset::Usb);

    assert_eq!(planned(flags::AMP).request, (0x21, 0x2b));
    assert!(!planned(flags::AMP).isoc);
    assert!(!planned(flags::BROKEN_ISOC).isoc);
    assert_eq!(planned(flags::DIGIANSWER).request.0, 0x40);
    assert_eq!(
        planned(flags::BCM_PATCHRAM).setup,
        Some(Setup::BroadcomPatchram)
    );
    assert!(planned(flags::BCM_PATCHRAM).diag);
    assert_eq!(planned(flags::REALTEK).vendor, Vendor::Realtek);
    assert!(planned(flags::ACTIONS_SEMI)
        .quirks
        .has(Quirk::BrokenExtCreateConn));
    let none = Support {
        broadcom: false,
        mediatek: false,
        realtek: false,
    };
    let facts = Facts {
        info: flags::MEDIATEK,
        id: (1, 2),
        release: 0,
    };
    assert_eq!(plan(&facts, &PARAMS, &none).vendor, Vendor::Generic);
}

#[test]
fn csr_devices() {
    let facts = |id, release| Facts {
        info: flags::CSR,
        id,
        release,
    };
    let old = plan(&facts((0x0a12, 1), 0x0100), &PARAMS, &ALL);
    assert!(old.quirks.has(Quirk::ResetOnClose) && old.short_interrupt);
    assert_eq!(old.setup, Some(Setup::Csr));
    let other = plan(&facts((0x0a12, 2), 0x0117), &PARAMS, &ALL);
    assert!(!other.quirks.has(Quirk::ResetOnClose) && other.setup.is_none());

    let real = csr::Version {
        hci: 6,
        hci_revision: 0x22bb,
        lmp: 6,
        manufacturer: 10,
        lmp_subversion: 0x22bb,
    };
    assert!(!csr::is_fake(&real, 0x8891));
    assert!(csr::is_fake(
        &csr::Version {
            manufacturer: 33,
            ..real
        },
        0
    ));
    assert!(csr::is_fake(&csr::Version { hci: 7, ..real }, 0));
    let perfect = csr::Version {
        hci: 3,
        hci_revision: 0x0c5c,
        lmp_subversion: 0x0c5c,
        ..real
    };
    assert!(!csr::is_fake(&perfect, 0x0100));
    assert!(csr::is_fake(&perfect, 0x0134));
    assert_eq!(csr::Version::parse(&[0; 8]), None);
}

#[test]
fn alternate_settings() {
    let all = settings(&[0, 1, 2, 3, 4, 5, 6]);
    let usual = settings(&[0, 1, 2, 3, 4, 5]);
    let voice = |links, air_mode, wide_samples| Voice {
        links,
        air_mode,
        wide_samples,
        mtu: 255,
        prefers_3: false,
    };
    for (links, expected) in [(0, 0), (1, 2), (2, 4), (3, 5), (4, 5), (u32::MAX, 5)] {
        assert_eq!(choose(&voice(links, AirMode::Cvsd, true), all), expected);
    }
    for (links, expected) in [(1, 1), (2, 2), (3, 3), (9, 3)] {
        assert_eq!(choose(&voice(links, AirMode::Cvsd, false), all), expected);
    }
    let transparent = voice(1, AirMode::Transparent, true);
    assert_eq!(choose(&transparent, all), 6);
    assert_eq!(choose(&transparent, usual), 1);
    let realtek = Voice {
        prefers_3: true,
        ..transparent
    };
    assert_eq!(choose(&realtek, usual), 3);
    assert_eq!(choose(&Voice { mtu: 71, ..realtek }, usual), 1);
    // Fewer settings than the specification wants.
    assert_eq!(
        choose(&voice(3, AirMode::Cvsd, true), settings(&[0, 1, 2])),
        2
    );
    assert_eq!(
        choose(&voice(1, AirMode::Cvsd, true), Available::default()),
        2
    );
    assert_eq!(all.iter().count(), 7);
}

#[test]
fn voice_is_cut() {
    assert_eq!(frames(51, 17), Some(3));
    assert_eq!(frames(258, 9), Some(MAX_FRAMES));
    assert_eq!(frames(262, 9), None);
    assert_eq!(frames(1, 0), None);
    let cut: Vec<_> = split(40, 17).map(|f| (f.offset, f.len)).collect();
    assert_eq!(cut, [(0, 17), (17, 17), (34, 6)]);
    assert_eq!(split(258, 9).count(), MAX_FRAMES);
    assert_eq!(split(5, 0).count(), 0);
    // 7.5 ms on the average, the packet's own frame included.
    let mut pace = Pace::default();
    let total: usize = (0..100).map(|_| pace.gap() + 1).sum();
    assert_eq!(total, 750);
}

#[test]
fn error_storms_are_slowed_down() {
    let mut throttle = Throttle::default();
    for _ in 0..3 {
        assert_eq!(throttle.failure(Failure::Bus), Step::Again);
    }
    let mut reports = 0;
    let mut waited = 0u64;
    for _ in 0..1000 {
        let Step::After { ms, report, .. } = throttle.failure(Failure::Bus) else {
            panic!("no pause");
        };
        reports += u32::from(report);
        waited += u64::from(ms);
    }
    assert_eq!(reports, 1);
    assert!(waited > 1_900_000, "{waited} ms");
    assert_eq!(throttle.success(), Some(1003));
    assert_eq!(throttle.success(), None);
    assert!(matches!(
        throttle.failure(Failure::Stall),
        Step::After {
            clear_halt: true,
            report: false,
            ..
        }
    ));
}

fn chip(rom: u32, patch: u32, chip_id: u8, platform: u8, flag: u16) -> qca::Version {
    let mut bytes = [0; 20];
    bytes[0..4].copy_from_slice(&rom.to_le_bytes());
    bytes[4..8].copy_from_slice(&patch.to_le_bytes());
    bytes[12] = chip_id;
    bytes[13] = platform;
    bytes[14..16].copy_from_slice(&flag.to_le_bytes());
    qca::Version::parse(&bytes)
}

fn name(name: qca::FileName) -> String {
    let bytes = name.as_bytes_with_nul();
    String::from_utf8(bytes[..bytes.len() - 1].to_vec()).unwrap()
}

#[test]
fn qca_files() {
    let rome = chip(0x0302, 0x0111, 0, 0, 0);
    assert_eq!(name(rome.rampatch()), "qca/rampatch_usb_00000302.bin");
    assert_eq!(name(rome.nvm()), "qca/nvm_usb_00000302.bin");
    let board = chip(0x0013_0201, 0, 0x03, 0x0a, 0x8000);
    assert_eq!(
        name(board.rampatch()),
        "qca/QCA2066/rampatch_usb_00130201.bin"
    );
    assert_eq!(name(board.nvm()), "qca/QCA2066/nvm_usb_00130201_030a.bin");
    assert_eq!(chip(0x0013_0201, 0, 0xff, 0xff, 0x8000).board(), None);

    let layout = qca::layout(0x0302).unwrap();
    let mut file = vec![0; 64];
    file[18..20].copy_from_slice(&0x0302u16.to_le_bytes());
    file[20..22].copy_from_slice(&0x0111u16.to_le_bytes());
    assert!(qca::patch_fits(&file, &layout, &rome));
    file[20] = 0x10;
    assert!(!qca::patch_fits(&file, &layout, &rome));
    assert!(!qca::patch_fits(&file[..20], &layout, &rome));
    assert_eq!(qca::layout(0xdead), None);
}

#[test]
fn qca_dumps() {
    let packet = |seq: u16, size: Option<u32>| {
        let [lo, hi] = seq.to_le_bytes();
        let mut bytes = vec![0xff, 9, 1, 8, lo, hi, 0];
        bytes.extend(size.into_iter().flat_map(u32::to_le_bytes));
        bytes
    };
    let parse = |bytes: &[u8]| qca::DumpPacket::parse(bytes, false);
    assert_eq!(parse(&[0xff, 0]), None);
    assert_eq!(parse(&packet(0, None)), None);
    let mut dump = qca::Dump::default();
    let mut step = |seq, size| dump.step(&parse(&packet(seq, size)).unwrap());
    assert_eq!(step(3, None), qca::DumpStep::Drop);
    assert_eq!(step(0, Some(0)), qca::DumpStep::Abort);
    assert_eq!(step(0, Some(4096)), qca::DumpStep::Begin(4096));
    assert_eq!(step(1, None), qca::DumpStep::Append);
    assert_eq!(step(4, None), qca::DumpStep::Fill(496));
    assert_eq!(step(0xffff, None), qca::DumpStep::End);
    assert_eq!(step(5, None), qca::DumpStep::Drop);
}

/// Known attacks by their names: more voice links than there are settings for.
#[test]
fn cve_2026_31497_more_voice_links_than_settings() {
    for set in 0u8..128 {
        let numbers: Vec<u8> = (0..7).filter(|n| set & (1 << n) != 0).collect();
        let available = settings(&numbers);
        for links in (0..20).chain([255, 256, 65536, u32::MAX]) {
            for air_mode in [AirMode::Unknown, AirMode::Cvsd, AirMode::Transparent] {
                for wide_samples in [false, true] {
                    let chosen = choose(
                        &Voice {
                            links,
                            air_mode,
                            wide_samples,
                            mtu: 255,
                            prefers_3: true,
                        },
                        available,
                    );
                    assert!(chosen <= 6);
                    let carries = numbers.iter().any(|&n| n != 0 && n <= chosen);
                    assert!(!carries || chosen == 0 || available.has(chosen));
                }
            }
        }
    }
}

/// A Qualcomm dump, whatever the packets say: what is appended is bounded, and it ends.
#[test]
fn cve_2025_37918_dump_packets_of_each_length() {
    for acl in [false, true] {
        let head: &[u8] = if acl { &[0xdd, 0x2e, 0, 0] } else { &[] };
        let mut dump = qca::Dump::default();
        for sequence in [0u16, 1, 0, 7, 3, 0xfffe, 0xffff, 2] {
            let [lo, hi] = sequence.to_le_bytes();
            let whole = [head, &[0xff, 9, 1, 8, lo, hi, 0, 0, 1, 0, 0, 5]].concat();
            for length in 0..=whole.len() {
                let Some(packet) = qca::DumpPacket::parse(&whole[..length], acl) else {
                    continue;
                };
                assert!(packet.offset <= length);
                if let qca::DumpStep::Fill(lost) = dump.step(&packet) {
                    assert!(lost <= 256);
                }
            }
        }
        assert!(!dump.is_active());
    }
}
