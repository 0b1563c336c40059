// SPDX-License-Identifier: GPL-2.0

#include <net/bluetooth/bluetooth.h>

#include "frame.h"

/* Bit fields of struct bt_skb_cb. */
void kext_bt_cb_set(struct sk_buff *skb, u8 pkt_type, u16 expect, bool incoming)
{
	bt_cb(skb)->pkt_type = pkt_type;
	bt_cb(skb)->expect = expect;
	bt_cb(skb)->incoming = incoming;
}

u8 kext_bt_cb_pkt_type(const struct sk_buff *skb)
{
	return bt_cb(skb)->pkt_type;
}

bool kext_bt_cb_incoming(const struct sk_buff *skb)
{
	return bt_cb(skb)->incoming;
}
