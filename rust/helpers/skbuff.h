/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KERNEL_EXT_SKBUFF_H
#define KERNEL_EXT_SKBUFF_H

#include <linux/skbuff.h>

struct sk_buff *kext_alloc_skb(unsigned int headroom, unsigned int size, gfp_t gfp);
void kext_kfree_skb(struct sk_buff *skb);
void kext_consume_skb(struct sk_buff *skb);
void kext_skb_reserve(struct sk_buff *skb, unsigned int len);
unsigned int kext_skb_tailroom(const struct sk_buff *skb);
bool kext_skb_cloned(const struct sk_buff *skb);
int kext_skb_linearize(struct sk_buff *skb);
int kext_skb_cow(struct sk_buff *skb, unsigned int headroom, gfp_t gfp);
int kext_pskb_trim(struct sk_buff *skb, unsigned int len);
struct sk_buff *kext_pskb_copy(struct sk_buff *skb, unsigned int headroom, gfp_t gfp);
u32 kext_skb_priority(const struct sk_buff *skb);
void kext_skb_set_priority(struct sk_buff *skb, u32 priority);
void kext_skb_timestamp(struct sk_buff *skb);
s64 kext_skb_tstamp(const struct sk_buff *skb);
void kext_skb_set_tstamp(struct sk_buff *skb, s64 ns);
void kext_skb_orphan(struct sk_buff *skb);
bool kext_skb_pull_any(struct sk_buff *skb, unsigned int len);

void kext_skb_queue_init(struct sk_buff_head *list, const char *name,
			 struct lock_class_key *key);
void kext_skb_queue_purge(struct sk_buff_head *list);
u32 kext_skb_queue_len(const struct sk_buff_head *list);
bool kext_skb_queue_tail_bounded(struct sk_buff_head *list, struct sk_buff *skb, u32 max);
void kext_skb_queue_splice_tail(struct sk_buff_head *to, struct sk_buff_head *from);

#endif
