// SPDX-License-Identifier: GPL-2.0
#include <linux/capability.h>
#include <linux/compat.h>
#include <linux/cred.h>
#include <linux/kmod.h>
#include <linux/lockdep.h>
#include <linux/net.h>
#include <linux/pid.h>
#include <linux/security.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/sockptr.h>
#include <linux/uio.h>
#include <linux/utsname.h>
#include <linux/wait.h>
#include <net/scm.h>
#include <net/sock.h>
#include <net/net_namespace.h>
#include "net.h"

/* What the Rust side aligns their memory to. */
static_assert(__alignof__(struct sock) <= 8);
static_assert(__alignof__(struct proto) <= 8);

void kext_proto_init(struct proto *prot, const char *name, unsigned int obj_size,
		     struct module *owner)
{
	strscpy(prot->name, name, sizeof(prot->name));
	prot->obj_size = obj_size;
	prot->owner = owner;
}

bool kext_net_is_init(const struct net *net)
{
	return net_eq(net, &init_net);
}

/* --- a socket's life --- */

struct sock *kext_sk_alloc(int family, gfp_t gfp, struct proto *prot, bool kern)
{
	return sk_alloc(&init_net, family, gfp, prot, kern);
}

void kext_sk_free(struct sock *sk)
{
	sk_free(sk);
}

void kext_sk_setup(struct socket *sock, struct sock *sk, int type, int protocol, bool kern,
		   void (*destruct)(struct sock *))
{
	sock_init_data(sock, sk);
	sock_reset_flag(sk, SOCK_ZAPPED);
	sk->sk_type = type;
	sk->sk_protocol = protocol;
	sk->sk_destruct = destruct;

	if (!kern) {
		spin_lock(&sk->sk_peer_lock);
		sk->sk_peer_pid = get_pid(task_tgid(current));
		sk->sk_peer_cred = get_current_cred();
		spin_unlock(&sk->sk_peer_lock);
	}

	if (sock)
		sock->state = SS_UNCONNECTED;
}

void kext_sk_set_lock_class(struct sock *sk, const char *slock, struct lock_class_key *slock_key,
			    const char *lock, struct lock_class_key *lock_key)
{
	sock_lock_init_class_and_name(sk, slock, slock_key, lock, lock_key);
}

void kext_sk_purge_queues(struct sock *sk)
{
	skb_queue_purge(&sk->sk_receive_queue);
	skb_queue_purge(&sk->sk_write_queue);
	skb_queue_purge(&sk->sk_error_queue);
}

void kext_sock_hold(struct sock *sk)
{
	sock_hold(sk);
}

void kext_sock_put(struct sock *sk)
{
	sock_put(sk);
}

/* Only a socket that never had a struct socket can get one. */
bool kext_sock_graft(struct sock *sk, struct socket *sock)
{
	bool fresh;

	lock_sock_nested(sk, SINGLE_DEPTH_NESTING);
	fresh = !sock->sk && !sk->sk_socket && !sock_flag(sk, SOCK_DEAD);
	if (fresh) {
		sock_graft(sk, sock);
		sock->state = SS_CONNECTED;
	}
	release_sock(sk);

	return fresh;
}

static void kext_sk_nobody(struct sock *sk)
{
}

/*
 * The callbacks may be another module's, which is free to go once its socket
 * is released; the socket itself may stay for a while.
 */
void kext_sock_orphan(struct sock *sk)
{
	lock_sock(sk);
	sock_orphan(sk);
	WRITE_ONCE(sk->sk_state_change, kext_sk_nobody);
	WRITE_ONCE(sk->sk_data_ready, kext_sk_nobody);
	WRITE_ONCE(sk->sk_write_space, kext_sk_nobody);
	WRITE_ONCE(sk->sk_error_report, kext_sk_nobody);
	release_sock(sk);
}

bool kext_accept_nonblock(const struct proto_accept_arg *arg)
{
	return arg->flags & O_NONBLOCK;
}

void kext_lock_sock(struct sock *sk)
{
	lock_sock(sk);
}

void kext_lock_sock_nested(struct sock *sk)
{
	lock_sock_nested(sk, SINGLE_DEPTH_NESTING);
}

void kext_release_sock(struct sock *sk)
{
	release_sock(sk);
}

/* --- fields --- */

u8 kext_sk_state(const struct sock *sk)
{
	return READ_ONCE(sk->sk_state);
}

void kext_sk_set_state(struct sock *sk, u8 state)
{
	WRITE_ONCE(sk->sk_state, state);
}

int kext_sk_type(const struct sock *sk)
{
	return sk->sk_type;
}

int kext_sk_protocol(const struct sock *sk)
{
	return sk->sk_protocol;
}

u32 kext_sk_priority(const struct sock *sk)
{
	return READ_ONCE(sk->sk_priority);
}

void kext_sk_set_err(struct sock *sk, int err)
{
	WRITE_ONCE(sk->sk_err, err);
}

int kext_sk_err(const struct sock *sk)
{
	return READ_ONCE(sk->sk_err);
}

int kext_sk_take_err(struct sock *sk)
{
	return sock_error(sk);
}

u8 kext_sk_shutdown(const struct sock *sk)
{
	return READ_ONCE(sk->sk_shutdown);
}

void kext_sk_add_shutdown(struct sock *sk, u8 mask)
{
	WRITE_ONCE(sk->sk_shutdown, sk->sk_shutdown | mask);
}

bool kext_sk_dead(const struct sock *sk)
{
	return sock_flag(sk, SOCK_DEAD);
}

bool kext_sk_zapped(const struct sock *sk)
{
	return sock_flag(sk, SOCK_ZAPPED);
}

void kext_sk_set_zapped(struct sock *sk, bool zapped)
{
	sock_valbool_flag(sk, SOCK_ZAPPED, zapped);
}

void kext_sk_state_change(struct sock *sk)
{
	READ_ONCE(sk->sk_state_change)(sk);
}

void kext_sk_data_ready(struct sock *sk)
{
	READ_ONCE(sk->sk_data_ready)(sk);
}

void kext_sk_write_space(struct sock *sk)
{
	READ_ONCE(sk->sk_write_space)(sk);
}

int kext_sk_wmem(const struct sock *sk)
{
	return sk_wmem_alloc_get(sk);
}

int kext_sk_rmem(const struct sock *sk)
{
	return sk_rmem_alloc_get(sk);
}

int kext_sk_sndbuf(const struct sock *sk)
{
	return READ_ONCE(sk->sk_sndbuf);
}

int kext_sk_rcvbuf(const struct sock *sk)
{
	return READ_ONCE(sk->sk_rcvbuf);
}

bool kext_sk_writeable(const struct sock *sk)
{
	return sock_writeable(sk);
}

bool kext_sk_rcvtstamp(const struct sock *sk)
{
	return sock_flag(sk, SOCK_RCVTSTAMP);
}

long kext_sk_sndtimeo(const struct sock *sk, bool nonblock)
{
	return sock_sndtimeo(sk, nonblock);
}

long kext_sk_rcvtimeo(const struct sock *sk, bool nonblock)
{
	return sock_rcvtimeo(sk, nonblock);
}

void kext_sk_poll_state(struct sock *sk, struct kext_poll_state *state)
{
	state->error = READ_ONCE(sk->sk_err) ||
		       !skb_queue_empty_lockless(&sk->sk_error_queue);
	state->error_priority = sock_flag(sk, SOCK_SELECT_ERR_QUEUE);
	state->readable = !skb_queue_empty_lockless(&sk->sk_receive_queue);
	state->writeable = sock_writeable(sk);
	state->shutdown = READ_ONCE(sk->sk_shutdown);
	state->state = READ_ONCE(sk->sk_state);
}

/* sk_set_bit() reads sk_wq plainly, and only while it cannot be taken away. */
void kext_sk_async_nospace(struct sock *sk)
{
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
}

/* --- receive and send queues --- */

int kext_sk_queue_rcv(struct sock *sk, struct sk_buff *skb)
{
	return sock_queue_rcv_skb(sk, skb);
}

u32 kext_sk_receive_queue_len(const struct sock *sk)
{
	return skb_queue_len_lockless(&sk->sk_receive_queue);
}

u32 kext_sk_first_len(struct sock *sk)
{
	struct sk_buff *skb;
	unsigned long flags;
	u32 len;

	spin_lock_irqsave(&sk->sk_receive_queue.lock, flags);
	skb = skb_peek(&sk->sk_receive_queue);
	len = skb ? skb->len : 0;
	spin_unlock_irqrestore(&sk->sk_receive_queue.lock, flags);

	return len;
}

void kext_sk_purge_receive_queue(struct sock *sk)
{
	skb_queue_purge(&sk->sk_receive_queue);
}

struct sk_buff *kext_sk_recv_datagram(struct sock *sk, unsigned int flags, int *err)
{
	return skb_recv_datagram(sk, flags, err);
}

struct sk_buff *kext_sk_alloc_send_skb(struct sock *sk, unsigned long size, bool nonblock,
				       int *err)
{
	return sock_alloc_send_skb(sk, size, nonblock, err);
}

/*
 * Never waits. sock_alloc_send_skb() would mark a full socket in its struct
 * socket even then, and here there may be none.
 */
struct sk_buff *kext_sk_try_alloc_send_skb(struct sock *sk, unsigned long size)
{
	return sock_wmalloc(sk, size, 0, GFP_ATOMIC);
}

/* --- credentials and the calling task --- */

bool kext_sk_peer_creds(struct sock *sk, struct scm_creds *creds)
{
	bool known;

	memset(creds, 0, sizeof(*creds));

	spin_lock(&sk->sk_peer_lock);
	known = sk->sk_peer_pid;
	if (known) {
		creds->pid = pid_vnr(sk->sk_peer_pid);
		if (sk->sk_peer_cred) {
			creds->uid = sk->sk_peer_cred->uid;
			creds->gid = sk->sk_peer_cred->gid;
		}
	}
	spin_unlock(&sk->sk_peer_lock);

	return known;
}

void kext_sk_copy_peer_creds(struct sock *sk, struct sock *from)
{
	const struct cred *cred, *old_cred;
	struct pid *pid, *old_pid;

	spin_lock(&from->sk_peer_lock);
	pid = get_pid(from->sk_peer_pid);
	cred = get_cred(from->sk_peer_cred);
	spin_unlock(&from->sk_peer_lock);

	spin_lock(&sk->sk_peer_lock);
	old_pid = sk->sk_peer_pid;
	old_cred = sk->sk_peer_cred;
	sk->sk_peer_pid = pid;
	sk->sk_peer_cred = cred;
	spin_unlock(&sk->sk_peer_lock);

	put_pid(old_pid);
	put_cred(old_cred);
}

/* A socket without a file was opened by the kernel itself: no opener to ask. */
bool kext_sk_capable(const struct sock *sk, int cap)
{
	if (!sk->sk_socket || !sk->sk_socket->file)
		return capable(cap);

	return sk_capable(sk, cap);
}

bool kext_capable(int cap)
{
	return capable(cap);
}

void kext_current_comm(u8 *comm)
{
	char buf[TASK_COMM_LEN];

	get_task_comm(buf, current);
	memcpy(comm, buf, sizeof(buf));
}

int kext_current_tgid(void)
{
	return task_tgid_vnr(current);
}

void kext_uts(u8 *release, u8 *machine, size_t len)
{
	strscpy_pad((char *)release, init_utsname()->release, len);
	strscpy_pad((char *)machine, init_utsname()->machine, len);
}

void kext_request_module(const char *name)
{
	request_module("%s", name);
}

/* --- lists of sockets --- */

void kext_sk_list_init(struct kext_sock_list *list, const char *name,
		       struct lock_class_key *key)
{
	rwlock_init(&list->lock);
	lockdep_set_class_and_name(&list->lock, key, name);
	INIT_HLIST_HEAD(&list->head);
}

bool kext_sk_list_add(struct kext_sock_list *list, struct sock *sk)
{
	bool added;

	write_lock(&list->lock);
	added = sk_unhashed(sk) && !sock_flag(sk, SOCK_DEAD);
	if (added)
		sk_add_node(sk, &list->head);
	write_unlock(&list->lock);

	return added;
}

bool kext_sk_list_del(struct kext_sock_list *list, struct sock *sk)
{
	bool removed;

	write_lock(&list->lock);
	removed = sk_del_node_init(sk);
	write_unlock(&list->lock);

	return removed;
}

void kext_sk_list_read_lock(struct kext_sock_list *list)
{
	read_lock(&list->lock);
}

void kext_sk_list_read_unlock(struct kext_sock_list *list)
{
	read_unlock(&list->lock);
}

bool kext_sk_list_empty(const struct kext_sock_list *list)
{
	return !READ_ONCE(list->head.first);
}

struct sock *kext_sk_list_first(const struct kext_sock_list *list)
{
	return sk_head(&list->head);
}

struct sock *kext_sk_list_next(const struct sock *sk)
{
	return sk_next(sk);
}

void kext_sk_seq_title(struct seq_file *m)
{
	seq_puts(m, "sk               RefCnt Rmem   Wmem   User   Inode  Parent");
}

void kext_sk_seq_line(struct seq_file *m, struct sock *sk, struct sock *parent)
{
	seq_printf(m, "%pK %-6d %-6u %-6u %-6u %-6llu %-6llu",
		   sk,
		   refcount_read(&sk->sk_refcnt),
		   sk_rmem_alloc_get(sk),
		   sk_wmem_alloc_get(sk),
		   from_kuid(seq_user_ns(m), sk_uid(sk)),
		   sock_i_ino(sk),
		   parent ? sock_i_ino(parent) : 0ULL);
}

void kext_seq_newline(struct seq_file *m)
{
	seq_putc(m, '\n');
}

/* --- the accept queue's counters --- */

int kext_sk_ack_backlog(const struct sock *sk)
{
	return READ_ONCE(sk->sk_ack_backlog);
}

bool kext_sk_acceptq_full(const struct sock *sk)
{
	return sk_acceptq_is_full(sk);
}

void kext_sk_acceptq_added(struct sock *sk)
{
	sk_acceptq_added(sk);
}

void kext_sk_acceptq_removed(struct sock *sk)
{
	sk_acceptq_removed(sk);
}

void kext_sk_set_max_ack_backlog(struct sock *sk, int backlog)
{
	WRITE_ONCE(sk->sk_max_ack_backlog, backlog);
}

/* --- struct socket, waiting --- */

void kext_sock_poll_wait(struct file *file, struct socket *sock, struct poll_table_struct *wait)
{
	sock_poll_wait(file, sock, wait);
}

int kext_socket_type(const struct socket *sock)
{
	return sock->type;
}

void kext_socket_set_state(struct socket *sock, int state)
{
	sock->state = state;
}

bool kext_sk_wait_begin(struct sock *sk, struct wait_queue_entry *entry)
{
	if (!rcu_access_pointer(sk->sk_wq))
		return false;

	init_waitqueue_func_entry(entry, woken_wake_function);
	entry->private = current;
	INIT_LIST_HEAD(&entry->entry);
	add_wait_queue(sk_sleep(sk), entry);
	return true;
}

long kext_sk_wait(struct wait_queue_entry *entry, long timeout)
{
	return wait_woken(entry, TASK_INTERRUPTIBLE, timeout);
}

void kext_sk_wait_end(struct sock *sk, struct wait_queue_entry *entry)
{
	remove_wait_queue(sk_sleep(sk), entry);
}

bool kext_signal_pending(void)
{
	return signal_pending(current);
}

int kext_sock_intr_errno(long timeout)
{
	return sock_intr_errno(timeout);
}

/* --- messages and options --- */

bool kext_msg_copy_from(struct msghdr *msg, void *to, size_t len)
{
	return copy_from_iter_full(to, len, &msg->msg_iter);
}

size_t kext_msg_count(const struct msghdr *msg)
{
	return iov_iter_count(&msg->msg_iter);
}

unsigned int kext_msg_flags(const struct msghdr *msg)
{
	return msg->msg_flags;
}

void kext_msg_add_flags(struct msghdr *msg, unsigned int flags)
{
	msg->msg_flags |= flags;
}

int kext_msg_copy_datagram(struct msghdr *msg, const struct sk_buff *skb, int len)
{
	return skb_copy_datagram_msg(skb, 0, msg, len);
}

int kext_msg_put_cmsg(struct msghdr *msg, int level, int type, int len, const void *data)
{
	return put_cmsg(msg, level, type, len, (void *)data);
}

/* struct timeval as the receiving program's ABI has it. */
int kext_msg_put_timeval(struct msghdr *msg, int level, int type, const struct sk_buff *skb)
{
	struct __kernel_old_timeval tv;

	skb_get_timestamp(skb, &tv);

#ifdef CONFIG_COMPAT
	if (!COMPAT_USE_64BIT_TIME && (msg->msg_flags & MSG_CMSG_COMPAT)) {
		struct old_timeval32 ctv = {
			.tv_sec = tv.tv_sec,
			.tv_usec = tv.tv_usec,
		};

		return put_cmsg(msg, level, type, sizeof(ctv), &ctv);
	}
#endif

	return put_cmsg(msg, level, type, sizeof(tv), &tv);
}

void kext_msg_recv_timestamp(struct msghdr *msg, struct sock *sk, struct sk_buff *skb)
{
	sock_recv_timestamp(msg, sk, skb);
}

void kext_msg_recv_cmsgs(struct msghdr *msg, struct sock *sk, struct sk_buff *skb)
{
	sock_recv_cmsgs(msg, sk, skb);
}

void kext_msg_recv_creds(struct socket *sock, struct msghdr *msg, const struct scm_creds *creds,
			 int flags)
{
	struct scm_cookie scm = {
		.creds = *creds,
	};

	scm_recv(sock, msg, &scm, flags);
}

void *kext_msg_name(const struct msghdr *msg)
{
	return msg->msg_name;
}

int kext_msg_namelen(const struct msghdr *msg)
{
	return msg->msg_namelen;
}

void kext_msg_set_namelen(struct msghdr *msg, int len)
{
	msg->msg_namelen = len;
}

bool kext_copy_from_sockptr(void *to, sockptr_t from, size_t len)
{
	return copy_from_sockptr(to, from, len) == 0;
}

size_t kext_sockopt_write(sockopt_t *opt, const void *from, size_t len)
{
	return copy_to_iter(from, len, &opt->iter_out);
}

void __user *kext_compat_ptr(unsigned long arg)
{
#ifdef CONFIG_COMPAT
	return compat_ptr(arg);
#else
	return (void __user *)arg;
#endif
}

/* What a child has from its listening socket, beside the type. */
void kext_sk_inherit(struct sock *sk, struct sock *parent)
{
	sk->sk_priority = parent->sk_priority;
	security_sk_clone(parent, sk);
}

/* --- streams, and what waits at the end --- */

void kext_sk_set_sndtimeo(struct sock *sk, long timeout)
{
	WRITE_ONCE(sk->sk_sndtimeo, timeout);
}

unsigned int kext_jiffies_to_msecs(unsigned long jiffies)
{
	return jiffies_to_msecs(jiffies);
}

/* A task that exits does not wait. */
long kext_sk_linger(const struct sock *sk)
{
	if (!sock_flag(sk, SOCK_LINGER) || (current->flags & PF_EXITING))
		return 0;

	return READ_ONCE(sk->sk_lingertime);
}

int kext_sk_rcvlowat(const struct sock *sk, bool waitall, int len)
{
	return sock_rcvlowat(sk, waitall, len);
}

struct sk_buff *kext_sk_dequeue_rcv(struct sock *sk)
{
	return skb_dequeue(&sk->sk_receive_queue);
}

void kext_sk_requeue_rcv(struct sock *sk, struct sk_buff *skb)
{
	skb_queue_head(&sk->sk_receive_queue, skb);
}
