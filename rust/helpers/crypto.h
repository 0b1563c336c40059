/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/types.h>

int kext_aes128_encrypt(const u8 *key, const u8 *in, u8 *out);
int kext_aes128_cmac(const u8 *key, const u8 *data, size_t len, u8 *out);
int kext_p256_generate(u64 *private_key);
int kext_p256_is_private(const u64 *private_key);
int kext_p256_public(const u64 *private_key, u64 *public_key);
int kext_p256_shared(const u64 *private_key, const u64 *public_key,
		     u64 *secret);
