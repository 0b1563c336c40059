// SPDX-License-Identifier: GPL-2.0
#include <linux/lockdep.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include "skbuff.h"

struct sk_buff *kext_alloc_skb(unsigned int headroom, unsigned int size, gfp_t gfp)
{
	struct sk_buff *skb = alloc_skb(headroom + size, gfp);

	if (skb)
		skb_reserve(skb, headroom);
	return skb;
}

void kext_kfree_skb(struct sk_buff *skb)
{
	kfree_skb(skb);
}

void kext_consume_skb(struct sk_buff *skb)
{
	consume_skb(skb);
}

void kext_skb_reserve(struct sk_buff *skb, unsigned int len)
{
	skb_reserve(skb, len);
}

unsigned int kext_skb_tailroom(const struct sk_buff *skb)
{
	return skb_tailroom(skb);
}

bool kext_skb_cloned(const struct sk_buff *skb)
{
	return skb_cloned(skb);
}

int kext_skb_linearize(struct sk_buff *skb)
{
	return skb_linearize(skb);
}

/* skb_cow() with the caller's gfp flags instead of GFP_ATOMIC. */
int kext_skb_cow(struct sk_buff *skb, unsigned int headroom, gfp_t gfp)
{
	unsigned int delta = 0;

	if (headroom > skb_headroom(skb))
		delta = ALIGN(headroom - skb_headroom(skb), NET_SKB_PAD);

	if (!delta && !skb_cloned(skb))
		return 0;

	return pskb_expand_head(skb, delta, 0, gfp);
}

int kext_pskb_trim(struct sk_buff *skb, unsigned int len)
{
	return pskb_trim(skb, len);
}

struct sk_buff *kext_pskb_copy(struct sk_buff *skb, unsigned int headroom, gfp_t gfp)
{
	return __pskb_copy_fclone(skb, headroom, gfp, true);
}

u32 kext_skb_priority(const struct sk_buff *skb)
{
	return skb->priority;
}

void kext_skb_set_priority(struct sk_buff *skb, u32 priority)
{
	skb->priority = priority;
}

void kext_skb_timestamp(struct sk_buff *skb)
{
	__net_timestamp(skb);
}

s64 kext_skb_tstamp(const struct sk_buff *skb)
{
	return ktime_to_ns(skb->tstamp);
}

void kext_skb_set_tstamp(struct sk_buff *skb, s64 ns)
{
	skb->tstamp = ns_to_ktime(ns);
}

void kext_skb_orphan(struct sk_buff *skb)
{
	skb_orphan(skb);
}

void kext_skb_queue_init(struct sk_buff_head *list, const char *name,
			 struct lock_class_key *key)
{
	skb_queue_head_init(list);
	lockdep_set_class_and_name(&list->lock, key, name);
}

void kext_skb_queue_purge(struct sk_buff_head *list)
{
	skb_queue_purge(list);
}

u32 kext_skb_queue_len(const struct sk_buff_head *list)
{
	return skb_queue_len_lockless(list);
}

/* The length is compared under the lock that protects it. */
bool kext_skb_queue_tail_bounded(struct sk_buff_head *list, struct sk_buff *skb, u32 max)
{
	unsigned long flags;
	bool fits;

	spin_lock_irqsave(&list->lock, flags);
	fits = skb_queue_len(list) < max;
	if (fits)
		__skb_queue_tail(list, skb);
	spin_unlock_irqrestore(&list->lock, flags);

	return fits;
}

/* One lock at a time, so that queues of one class need no order among them. */
void kext_skb_queue_splice_tail(struct sk_buff_head *to, struct sk_buff_head *from)
{
	struct sk_buff_head tmp;
	unsigned long flags;

	__skb_queue_head_init(&tmp);

	spin_lock_irqsave(&from->lock, flags);
	skb_queue_splice_init(from, &tmp);
	spin_unlock_irqrestore(&from->lock, flags);

	spin_lock_irqsave(&to->lock, flags);
	skb_queue_splice_tail_init(&tmp, to);
	spin_unlock_irqrestore(&to->lock, flags);
}

/* As skb_pull(), whatever the bytes are in. */
bool kext_skb_pull_any(struct sk_buff *skb, unsigned int len)
{
	return pskb_pull(skb, len);
}
