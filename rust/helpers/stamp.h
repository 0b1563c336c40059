/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KERNEL_EXT_STAMP_H
#define KERNEL_EXT_STAMP_H

#include <linux/skbuff.h>
#include <linux/socket.h>
#include <net/sock.h>

/* What a sendmsg() asks for: the part of struct sockcm_cookie that concerns time stamps. */
struct kext_tx_cookie {
	u32 tsflags;
	u32 opt_id;
};

int kext_sk_tx_cookie(struct sock *sk, struct msghdr *msg, struct kext_tx_cookie *cookie);
void kext_skb_set_tx_cookie(struct sk_buff *skb, const struct kext_tx_cookie *cookie,
			    unsigned int len);
void kext_skb_stamp_sent(struct sk_buff *skb);
bool kext_skb_wants_completion(const struct sk_buff *skb);
struct sk_buff *kext_skb_clone_sk(struct sk_buff *skb);
void kext_skb_stamp_completed(struct sk_buff *skb);
int kext_msg_recv_errqueue(struct sock *sk, struct msghdr *msg, int len, int level, int type);

#endif
