// SPDX-License-Identifier: GPL-2.0

//! Declarations of fixed formats: structures whose bytes are the wire format, and sets of bits.

/// Declares `#[repr(C)]` structures without padding or alignment: their bytes are the format.
macro_rules! layout {
    ($($(#[$attr:meta])* $name:ident { $($(#[$fattr:meta])* $field:ident: $ty:ty,)* })*) => {
        $(
            $(#[$attr])*
            #[derive(
                Clone,
                Copy,
                Debug,
                PartialEq,
                Eq,
                zerocopy_derive::FromBytes,
                zerocopy_derive::IntoBytes,
                zerocopy_derive::Immutable,
                zerocopy_derive::KnownLayout,
                zerocopy_derive::Unaligned,
            )]
            #[repr(C)]
            // Fields that have the specification's name and no unit need no words.
            #[allow(missing_docs)]
            pub struct $name { $($(#[$fattr])* pub $field: $ty,)* }
        )*
    };
}

/// Declares a number of one octet: whatever arrives is one, some have names.
macro_rules! octet {
    ($(#[$attr:meta])* $name:ident { $($(#[$vattr:meta])* $value:ident = $number:literal;)* }) => {
        $(#[$attr])*
        #[derive(
            Clone,
            Copy,
            PartialEq,
            Eq,
            Hash,
            zerocopy_derive::FromBytes,
            zerocopy_derive::IntoBytes,
            zerocopy_derive::Immutable,
            zerocopy_derive::KnownLayout,
            zerocopy_derive::Unaligned,
        )]
        #[repr(transparent)]
        pub struct $name(pub u8);

        // What has the specification's name needs no words.
        #[allow(missing_docs)]
        impl $name {
            $($(#[$vattr])* pub const $value: Self = Self($number);)*
        }
    };
}

/// Declares a set of bits over a little-endian integer; each constant is named with its bit number.
macro_rules! bit_set {
    ($(#[$attr:meta])* $name:ident($raw:ty, $int:ident) { $($(#[$battr:meta])* $bit:ident = $number:literal;)* }) => {
        $(#[$attr])*
        #[derive(
            Clone,
            Copy,
            PartialEq,
            Eq,
            Default,
            zerocopy_derive::FromBytes,
            zerocopy_derive::IntoBytes,
            zerocopy_derive::Immutable,
            zerocopy_derive::KnownLayout,
            zerocopy_derive::Unaligned,
        )]
        #[repr(transparent)]
        pub struct $name($raw);

        #[allow(missing_docs)]
        impl $name {
            $($(#[$battr])* pub const $bit: Self = Self::from_bits(1 << $number);)*
        }

        impl $name {
            /// No bit.
            pub const EMPTY: Self = Self::from_bits(0);

            /// The set with these bits, named or not.
            #[inline]
            pub const fn from_bits(bits: $int) -> Self {
                Self(<$raw>::new(bits))
            }

            /// The bits.
            #[inline]
            pub const fn bits(self) -> $int {
                self.0.get()
            }

            /// Whether all bits of `other` are in.
            #[inline]
            pub const fn contains(self, other: Self) -> bool {
                self.bits() & other.bits() == other.bits()
            }

            /// Whether any bit of `other` is in.
            #[inline]
            pub const fn intersects(self, other: Self) -> bool {
                self.bits() & other.bits() != 0
            }

            /// Whether no bit is in.
            #[inline]
            pub const fn is_empty(self) -> bool {
                self.bits() == 0
            }

            /// Both sets together.
            #[inline]
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self::from_bits(self.bits() | other.bits())
            }

            /// Both sets together if `on`, else this one.
            #[inline]
            #[must_use]
            pub const fn with_if(self, other: Self, on: bool) -> Self {
                if on {
                    self.with(other)
                } else {
                    self
                }
            }

            /// This set without the bits of `other`.
            #[inline]
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self::from_bits(self.bits() & !other.bits())
            }

            /// Adds the bits of `other`.
            #[inline]
            pub fn insert(&mut self, other: Self) {
                *self = self.with(other);
            }

            /// Takes the bits of `other` out.
            #[inline]
            pub fn remove(&mut self, other: Self) {
                *self = self.without(other);
            }

            /// Adds the bits of `other` if `on`, else takes them out.
            #[inline]
            pub fn set(&mut self, other: Self, on: bool) {
                *self = if on { self.with(other) } else { self.without(other) };
            }
        }

        impl core::ops::BitOr for $name {
            type Output = Self;

            #[inline]
            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl core::ops::BitOrAssign for $name {
            #[inline]
            fn bitor_assign(&mut self, other: Self) {
                self.insert(other);
            }
        }

        impl core::ops::BitAnd for $name {
            type Output = Self;

            #[inline]
            fn bitand(self, other: Self) -> Self {
                Self::from_bits(self.bits() & other.bits())
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{}({:#x})", stringify!($name), self.bits())
            }
        }
    };
}

/// One octet, for [`bit_set!`] to be used as the wider integers are.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    zerocopy_derive::FromBytes,
    zerocopy_derive::IntoBytes,
    zerocopy_derive::Immutable,
    zerocopy_derive::KnownLayout,
    zerocopy_derive::Unaligned,
)]
#[repr(transparent)]
pub(crate) struct U8(u8);

impl U8 {
    #[inline]
    pub(crate) const fn new(raw: u8) -> Self {
        Self(raw)
    }

    #[inline]
    pub(crate) const fn get(self) -> u8 {
        self.0
    }
}
