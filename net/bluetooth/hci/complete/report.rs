// SPDX-License-Identifier: GPL-2.0

//! What a controller says of itself.

use super::{
    Completed,
    Outcome, //
};
use crate::hci::{
    init::Can,
    Buffers, //
};
use engine::bringup;
use kernel_ext::hci::{
    Address,
    DevFlag,
    Flag,
    Quirk, //
};
use wire::hci::{
    host_control::{
        DeleteStoredLinkKey,
        ReadDefaultErroneousDataReporting,
        ReadInquiryResponseTxPower,
        ReadNumSupportedIac,
        ReadStoredLinkKey,
        WriteDefaultErroneousDataReporting, //
    },
    info_params::{
        ReadBdAddr,
        ReadBufferSize,
        ReadLocalCommands,
        ReadLocalExtFeatures,
        ReadLocalFeatures,
        ReadLocalPairingOptions,
        ReadLocalVersion, //
    },
    le::{
        LeReadAcceptListSize,
        LeReadAllLocalFeatures,
        LeReadBufferSize,
        LeReadBufferSizeV2,
        LeReadDefaultDataLength,
        LeReadLocalFeatures,
        LeReadMaxDataLength,
        LeReadResolvingListSize,
        LeReadSupportedStates,
        LeReadTransmitPower,
        LeWriteDefaultDataLength, //
    },
    le_adv::{
        LeReadAdvTxPower,
        LeReadNumSupportedAdvSets, //
    },
    Opcode,
    Request,
    Status, //
};

/// SCO buffers of controllers that tell nonsense.
const FIXED_SCO: Buffers = Buffers {
    mtu: 64,
    packets: 8,
};

/// Notes the answer if it is one of these.
pub(super) fn apply(opcode: Opcode, done: &Completed<'_>) -> Option<Outcome> {
    let dev = done.dev;
    // What never changes is noted in set-up, when the driver has settled what it is.
    let settled = !dev.has(Flag::SETUP) && !dev.has(Flag::CONFIG);
    Some(match opcode {
        ReadLocalVersion::OPCODE if settled => done.reply::<ReadLocalVersion>().map(drop),
        ReadLocalVersion::OPCODE => done.learn::<ReadLocalVersion>(|info, version| {
            info.hci_ver = version.hci_version;
            info.hci_rev = version.hci_revision.get();
            info.lmp_ver = version.lmp_version;
            info.lmp_subver = version.lmp_subversion.get();
            info.manufacturer = version.manufacturer.get();
        }),
        ReadLocalCommands::OPCODE if settled => done.reply::<ReadLocalCommands>().map(drop),
        ReadLocalCommands::OPCODE => done.learn::<ReadLocalCommands>(|info, commands| {
            info.commands.set_listed(commands.0);
        }),
        ReadLocalPairingOptions::OPCODE if settled => {
            done.reply::<ReadLocalPairingOptions>().map(drop)
        }
        ReadLocalPairingOptions::OPCODE => {
            done.learn::<ReadLocalPairingOptions>(|info, options| {
                info.pairing_opts = options.options;
                info.max_enc_key_size = options.max_encryption_key_size;
            })
        }
        ReadLocalFeatures::OPCODE => features(done),
        ReadLocalExtFeatures::OPCODE => done.learn::<ReadLocalExtFeatures>(|info, reply| {
            // A page that is not there is not asked for.
            if !dev.quirk(Quirk::BROKEN_LOCAL_EXT_FEATURES_PAGE_2) {
                info.max_page = info.max_page.max(reply.max_page);
            }
            // Pages that nothing here looks at are not kept.
            info.features.set_page(reply.page, reply.features);
        }),
        ReadBdAddr::OPCODE => done.reply::<ReadBdAddr>().map(|addr| {
            if dev.has(Flag::SETUP) {
                dev.set_address(Address::Setup, addr.0);
            }
            if dev.is(DevFlag::INIT) {
                done.change(|info| info.bdaddr = addr);
            }
        }),
        ReadBufferSize::OPCODE => buffers(done),
        ReadNumSupportedIac::OPCODE => {
            done.learn::<ReadNumSupportedIac>(|info, number| info.num_iac = number)
        }
        ReadInquiryResponseTxPower::OPCODE => {
            done.learn::<ReadInquiryResponseTxPower>(|info, power| info.inq_tx_power = power)
        }
        ReadDefaultErroneousDataReporting::OPCODE => {
            done.learn::<ReadDefaultErroneousDataReporting>(|info, on| info.err_data_reporting = on)
        }
        WriteDefaultErroneousDataReporting::OPCODE => done
            .wrote::<WriteDefaultErroneousDataReporting>(|_, sent| {
                done.change(|info| info.err_data_reporting = sent.enable);
            }),
        ReadStoredLinkKey::OPCODE => done.learn::<ReadStoredLinkKey>(|info, keys| {
            let all = done
                .sent::<ReadStoredLinkKey>()
                .is_some_and(|sent| sent.read_all == 1);
            if all {
                info.stored_max_keys = keys.max_keys.get();
                info.stored_num_keys = keys.num_keys.get();
            }
        }),
        DeleteStoredLinkKey::OPCODE => done.learn::<DeleteStoredLinkKey>(|info, deleted| {
            info.stored_num_keys = info.stored_num_keys.saturating_sub(deleted.get());
        }),

        LeReadBufferSize::OPCODE => done.learn::<LeReadBufferSize>(|info, size| {
            info.le = Buffers {
                mtu: size.acl_len.get(),
                packets: size.acl_packets.into(),
            };
        }),
        LeReadBufferSizeV2::OPCODE => done.learn::<LeReadBufferSizeV2>(|info, size| {
            info.le = Buffers {
                mtu: size.acl_len.get(),
                packets: size.acl_packets.into(),
            };
            info.iso = Buffers {
                mtu: size.iso_len.get(),
                packets: size.iso_packets.into(),
            };
        }),
        LeReadLocalFeatures::OPCODE => {
            done.learn::<LeReadLocalFeatures>(|info, page| info.le_features.set_page0(page))
        }
        LeReadAllLocalFeatures::OPCODE => {
            done.learn::<LeReadAllLocalFeatures>(|info, all| info.le_features = all.features)
        }
        LeReadSupportedStates::OPCODE => {
            done.learn::<LeReadSupportedStates>(|info, states| info.le_states = states.get())
        }
        LeReadAdvTxPower::OPCODE => {
            done.learn::<LeReadAdvTxPower>(|info, power| info.adv_tx_power = power)
        }
        LeReadTransmitPower::OPCODE => done.learn::<LeReadTransmitPower>(|info, range| {
            info.min_le_tx_power = range.min;
            info.max_le_tx_power = range.max;
        }),
        LeReadAcceptListSize::OPCODE => {
            done.learn::<LeReadAcceptListSize>(|info, size| info.le_accept_list_size = size)
        }
        LeReadResolvingListSize::OPCODE => {
            done.learn::<LeReadResolvingListSize>(|info, size| info.le_resolv_list_size = size)
        }
        LeReadDefaultDataLength::OPCODE => done.learn::<LeReadDefaultDataLength>(|info, len| {
            info.le_def_tx_len = len.tx_octets.get();
            info.le_def_tx_time = len.tx_time.get();
        }),
        LeWriteDefaultDataLength::OPCODE => done.wrote::<LeWriteDefaultDataLength>(|_, sent| {
            done.change(|info| {
                info.le_def_tx_len = sent.tx_octets.get();
                info.le_def_tx_time = sent.tx_time.get();
            });
        }),
        LeReadMaxDataLength::OPCODE => done.learn::<LeReadMaxDataLength>(|info, len| {
            info.le_max_tx_len = len.tx_octets.get();
            info.le_max_tx_time = len.tx_time.get();
            info.le_max_rx_len = len.rx_octets.get();
            info.le_max_rx_time = len.rx_time.get();
        }),
        LeReadNumSupportedAdvSets::OPCODE => {
            done.learn::<LeReadNumSupportedAdvSets>(|info, sets| info.le_adv_sets = sets)
        }
        _ => return None,
    })
}

/// Features of page 0 (7.4.3): they also say which packet types links can use.
fn features(done: &Completed<'_>) -> Outcome {
    let mut types = (0, 0);
    done.learn::<ReadLocalFeatures>(|info, page| {
        info.features.set_page(0, page);
        types = bringup::packet_types(&info.features);
    })?;
    let mut state = done.dev.state();
    state.pkt_type |= types.0;
    state.esco_type |= types.1;
    Ok(())
}

/// Buffers of BR/EDR links (7.4.5). What was forced on them before is void.
fn buffers(done: &Completed<'_>) -> Outcome {
    let dev = done.dev;
    let size = done.reply::<ReadBufferSize>()?;
    let acl = Buffers {
        mtu: size.acl_len.get(),
        packets: size.acl_packets.get(),
    };
    let mut sco = Buffers {
        mtu: size.sco_len.into(),
        packets: size.sco_packets.get(),
    };
    if dev.quirk(Quirk::FIXUP_BUFFER_SIZE) {
        sco = FIXED_SCO;
    }
    if !Can::of(dev).is_ok_and(|can| can.voice_setting()) {
        sco.packets = 0;
    }
    {
        let mut state = dev.state();
        state.forced_acl = None;
        state.forced_sco = None;
    }
    done.change(|info| {
        info.acl = acl;
        info.sco = sco;
    });
    if acl.mtu == 0 || acl.packets == 0 {
        return Err(Status::INVALID_PARAMETERS);
    }
    Ok(())
}
