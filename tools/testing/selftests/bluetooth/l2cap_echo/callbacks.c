// SPDX-License-Identifier: GPL-2.0
/*
 * A socket's callbacks. struct sock has no Rust layout.
 */

#include <linux/net.h>
#include <net/sock.h>

void l2cap_echo_ring(void *bell);
void l2cap_echo_hook(struct socket *sock, void *bell);

static void ring(struct sock *sk)
{
	l2cap_echo_ring(READ_ONCE(sk->sk_user_data));
}

void l2cap_echo_hook(struct socket *sock, void *bell)
{
	struct sock *sk = sock->sk;

	lock_sock(sk);
	WRITE_ONCE(sk->sk_user_data, bell);
	/* A worker may be calling them right now: the bell is there first. */
	smp_store_release(&sk->sk_data_ready, ring);
	smp_store_release(&sk->sk_state_change, ring);
	smp_store_release(&sk->sk_write_space, ring);
	release_sock(sk);
}
