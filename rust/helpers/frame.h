/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KERNEL_EXT_FRAME_H
#define KERNEL_EXT_FRAME_H

#include <linux/skbuff.h>

void kext_bt_cb_set(struct sk_buff *skb, u8 pkt_type, u16 expect, bool incoming);
u8 kext_bt_cb_pkt_type(const struct sk_buff *skb);
bool kext_bt_cb_incoming(const struct sk_buff *skb);

#endif
