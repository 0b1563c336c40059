// SPDX-License-Identifier: GPL-2.0
/*
 * AES-CMAC in one go is an inline function, aes_encrypt() takes a transparent
 * union, and the curve's numbers are macros.
 */

#include <crypto/aes-cbc-macs.h>
#include <crypto/aes.h>
#include <crypto/ecdh.h>
#include <crypto/internal/ecc.h>
#include <linux/string.h>

#include "crypto.h"

int kext_aes128_encrypt(const u8 *key, const u8 *in, u8 *out)
{
	struct aes_enckey aes;
	int err;

	err = aes_prepareenckey(&aes, key, AES_KEYSIZE_128);
	if (!err)
		aes_encrypt(&aes, out, in);
	memzero_explicit(&aes, sizeof(aes));
	return err;
}

int kext_aes128_cmac(const u8 *key, const u8 *data, size_t len, u8 *out)
{
	struct aes_cmac_key cmac;
	int err;

	err = aes_cmac_preparekey(&cmac, key, AES_KEYSIZE_128);
	if (!err)
		aes_cmac(&cmac, data, len, out);
	aes_cmac_zeroize_key(&cmac);
	return err;
}

int kext_p256_generate(u64 *private_key)
{
	return ecc_gen_privkey(ECC_CURVE_NIST_P256, ECC_CURVE_NIST_P256_DIGITS,
			       private_key);
}

int kext_p256_is_private(const u64 *private_key)
{
	return ecc_is_key_valid(ECC_CURVE_NIST_P256, ECC_CURVE_NIST_P256_DIGITS,
				private_key,
				ECC_CURVE_NIST_P256_DIGITS * sizeof(u64));
}

int kext_p256_public(const u64 *private_key, u64 *public_key)
{
	return ecc_make_pub_key(ECC_CURVE_NIST_P256, ECC_CURVE_NIST_P256_DIGITS,
				private_key, public_key);
}

int kext_p256_shared(const u64 *private_key, const u64 *public_key, u64 *secret)
{
	return crypto_ecdh_shared_secret(ECC_CURVE_NIST_P256,
					 ECC_CURVE_NIST_P256_DIGITS,
					 private_key, public_key, secret);
}
