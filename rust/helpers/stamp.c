// SPDX-License-Identifier: GPL-2.0
#include <linux/errqueue.h>
#include <linux/skbuff.h>
#include <net/sock.h>
#include "stamp.h"

/* --- time stamps of what is sent --- */

int kext_sk_tx_cookie(struct sock *sk, struct msghdr *msg, struct kext_tx_cookie *cookie)
{
	struct sockcm_cookie sockc = {
		.tsflags = READ_ONCE(sk->sk_tsflags),
	};
	int err = 0;

	if (msg->msg_controllen)
		err = sock_cmsg_send(sk, msg, &sockc);

	cookie->tsflags = sockc.tsflags;
	cookie->opt_id = sockc.ts_opt_id;
	return err;
}

/*
 * To be called once for each message that user space is told was sent: on its
 * first buffer, or on a stream on its last.
 */
void kext_skb_set_tx_cookie(struct sk_buff *skb, const struct kext_tx_cookie *cookie,
			    unsigned int len)
{
	struct sockcm_cookie sockc = {
		.tsflags = cookie->tsflags,
		.ts_opt_id = cookie->opt_id,
	};
	struct sock *sk = skb->sk;
	bool stream;
	int key = 0;

	if (!sk)
		return;

	stream = sk->sk_type == SOCK_STREAM;
	sock_tx_timestamp(sk, &sockc, &skb_shinfo(skb)->tx_flags);

	/* A stream counts bytes, whether or not somebody asks. */
	if (stream)
		key = atomic_add_return(len, &sk->sk_tskey);

	if (!(cookie->tsflags & SOF_TIMESTAMPING_OPT_ID) ||
	    !(cookie->tsflags & SOF_TIMESTAMPING_TX_RECORD_MASK))
		return;

	if (cookie->tsflags & SOCKCM_FLAG_TS_OPT_ID) {
		skb_shinfo(skb)->tskey = cookie->opt_id;
		return;
	}

	if (!stream)
		key = atomic_inc_return(&sk->sk_tskey);
	skb_shinfo(skb)->tskey = key - 1;
}

void kext_skb_stamp_sent(struct sk_buff *skb)
{
	if (skb->sk && (skb_shinfo(skb)->tx_flags & SKBTX_SW_TSTAMP))
		__skb_tstamp_tx(skb, NULL, NULL, skb->sk, SCM_TSTAMP_SND);
}

bool kext_skb_wants_completion(const struct sk_buff *skb)
{
	return skb->sk && (skb_shinfo(skb)->tx_flags & SKBTX_COMPLETION_TSTAMP);
}

struct sk_buff *kext_skb_clone_sk(struct sk_buff *skb)
{
	return skb_clone_sk(skb);
}

void kext_skb_stamp_completed(struct sk_buff *skb)
{
	if (skb->sk)
		__skb_tstamp_tx(skb, NULL, NULL, skb->sk, SCM_TSTAMP_COMPLETION);
}

int kext_msg_recv_errqueue(struct sock *sk, struct msghdr *msg, int len, int level, int type)
{
	return sock_recv_errqueue(sk, msg, len, level, type);
}
