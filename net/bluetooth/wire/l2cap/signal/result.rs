// SPDX-License-Identifier: GPL-2.0

//! How requests end. Numbers that are not named here may arrive all the same.

macro_rules! results {
    ($($(#[$attr:meta])* $name:ident { $($(#[$vattr:meta])* $value:ident = $number:literal;)* })*) => {
        $(
            $(#[$attr])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct $name(pub u16);

            #[allow(missing_docs)]
            impl $name {
                $($(#[$vattr])* pub const $value: Self = Self($number);)*
            }

            impl super::command::Field for $name {
                #[inline]
                fn read(reader: &mut crate::Reader<'_>) -> Result<Self, crate::Malformed> {
                    Ok(Self(reader.u16()?))
                }

                #[inline]
                fn write(&self, packet: &mut super::Packet) -> bool {
                    packet.extend(&self.0.to_le_bytes())
                }
            }
        )*
    };
}

results! {
    /// Of a connection request (4.3).
    ConnectionResult {
        SUCCESS = 0x0000;
        /// The answer follows later, in a further response.
        PENDING = 0x0001;
        BAD_PSM = 0x0002;
        SECURITY_BLOCK = 0x0003;
        NO_RESOURCES = 0x0004;
        INVALID_SCID = 0x0006;
        SCID_IN_USE = 0x0007;
    }

    /// Why a connection request is pending (4.3).
    ConnectionStatus {
        NO_INFORMATION = 0x0000;
        AUTHENTICATION = 0x0001;
        AUTHORIZATION = 0x0002;
    }

    /// Of a configuration request (4.5).
    ConfigResult {
        SUCCESS = 0x0000;
        UNACCEPTABLE = 0x0001;
        REJECTED = 0x0002;
        UNKNOWN_OPTIONS = 0x0003;
        PENDING = 0x0004;
        FLOW_SPEC_REJECTED = 0x0005;
    }

    /// What an information request asks for (4.10).
    InfoType {
        CONNECTIONLESS_MTU = 0x0001;
        FEATURES = 0x0002;
        FIXED_CHANNELS = 0x0003;
    }

    /// Of an information request (4.11).
    InfoResult {
        SUCCESS = 0x0000;
        NOT_SUPPORTED = 0x0001;
    }

    /// Of a connection parameter update request (4.21).
    UpdateResult {
        ACCEPTED = 0x0000;
        REJECTED = 0x0001;
    }

    /// Of a request for a channel with credits (4.23, 4.26).
    CreditResult {
        SUCCESS = 0x0000;
        BAD_SPSM = 0x0002;
        NO_RESOURCES = 0x0004;
        AUTHENTICATION = 0x0005;
        AUTHORIZATION = 0x0006;
        KEY_SIZE = 0x0007;
        ENCRYPTION = 0x0008;
        INVALID_SCID = 0x0009;
        SCID_IN_USE = 0x000a;
        UNACCEPTABLE_PARAMETERS = 0x000b;
        INVALID_PARAMETERS = 0x000c;
        /// The answer follows later; enhanced credit based mode only.
        PENDING = 0x000d;
        AUTHENTICATION_PENDING = 0x000e;
        AUTHORIZATION_PENDING = 0x000f;
    }

    /// Of a reconfiguration request (4.28).
    ReconfigureResult {
        SUCCESS = 0x0000;
        INVALID_MTU = 0x0001;
        INVALID_MPS = 0x0002;
        INVALID_CID = 0x0003;
        INVALID_PARAMETERS = 0x0004;
    }
}
