/* SPDX-License-Identifier: GPL-2.0 */
#ifndef KERNEL_EXT_NET_H
#define KERNEL_EXT_NET_H

#include <linux/net.h>
#include <linux/poll.h>
#include <linux/rwlock.h>
#include <linux/seq_file.h>
#include <linux/socket.h>
#include <linux/utsname.h>
#include <linux/wait.h>
#include <net/scm.h>
#include <net/sock.h>

/* Sizes, so that Rust need not know what is inside. */
enum {
	KEXT_SIZEOF_SOCK = sizeof(struct sock),
	KEXT_SIZEOF_PROTO = sizeof(struct proto),
};

/* All sockets of one protocol; an entry holds a reference. */
struct kext_sock_list {
	rwlock_t lock;
	struct hlist_head head;
};

/* What poll() wants to know, read at one go. */
struct kext_poll_state {
	bool error;
	bool error_priority;
	bool readable;
	bool writeable;
	u8 shutdown;
	u8 state;
};

void kext_proto_init(struct proto *prot, const char *name, unsigned int obj_size,
		     struct module *owner);

bool kext_net_is_init(const struct net *net);

struct sock *kext_sk_alloc(int family, gfp_t gfp, struct proto *prot, bool kern);
void kext_sk_free(struct sock *sk);
void kext_sk_setup(struct socket *sock, struct sock *sk, int type, int protocol, bool kern,
		   void (*destruct)(struct sock *));
void kext_sk_set_lock_class(struct sock *sk, const char *slock, struct lock_class_key *slock_key,
			    const char *lock, struct lock_class_key *lock_key);
void kext_sk_purge_queues(struct sock *sk);
void kext_sock_hold(struct sock *sk);
void kext_sock_put(struct sock *sk);
bool kext_sock_graft(struct sock *sk, struct socket *sock);
void kext_sock_orphan(struct sock *sk);
bool kext_accept_nonblock(const struct proto_accept_arg *arg);

void kext_lock_sock(struct sock *sk);
void kext_lock_sock_nested(struct sock *sk);
void kext_release_sock(struct sock *sk);

u8 kext_sk_state(const struct sock *sk);
void kext_sk_set_state(struct sock *sk, u8 state);
int kext_sk_type(const struct sock *sk);
int kext_sk_protocol(const struct sock *sk);
u32 kext_sk_priority(const struct sock *sk);
void kext_sk_set_err(struct sock *sk, int err);
int kext_sk_err(const struct sock *sk);
int kext_sk_take_err(struct sock *sk);
u8 kext_sk_shutdown(const struct sock *sk);
void kext_sk_add_shutdown(struct sock *sk, u8 mask);
bool kext_sk_dead(const struct sock *sk);
bool kext_sk_zapped(const struct sock *sk);
void kext_sk_set_zapped(struct sock *sk, bool zapped);
void kext_sk_state_change(struct sock *sk);
void kext_sk_data_ready(struct sock *sk);
void kext_sk_write_space(struct sock *sk);
int kext_sk_wmem(const struct sock *sk);
int kext_sk_rmem(const struct sock *sk);
int kext_sk_sndbuf(const struct sock *sk);
int kext_sk_rcvbuf(const struct sock *sk);
bool kext_sk_writeable(const struct sock *sk);
bool kext_sk_rcvtstamp(const struct sock *sk);
long kext_sk_sndtimeo(const struct sock *sk, bool nonblock);
long kext_sk_rcvtimeo(const struct sock *sk, bool nonblock);
void kext_sk_poll_state(struct sock *sk, struct kext_poll_state *state);
void kext_sk_async_nospace(struct sock *sk);

int kext_sk_queue_rcv(struct sock *sk, struct sk_buff *skb);
u32 kext_sk_receive_queue_len(const struct sock *sk);
u32 kext_sk_first_len(struct sock *sk);
void kext_sk_purge_receive_queue(struct sock *sk);
struct sk_buff *kext_sk_recv_datagram(struct sock *sk, unsigned int flags, int *err);
struct sk_buff *kext_sk_alloc_send_skb(struct sock *sk, unsigned long size, bool nonblock,
				       int *err);
struct sk_buff *kext_sk_try_alloc_send_skb(struct sock *sk, unsigned long size);

bool kext_sk_peer_creds(struct sock *sk, struct scm_creds *creds);
void kext_sk_copy_peer_creds(struct sock *sk, struct sock *from);
bool kext_sk_capable(const struct sock *sk, int cap);
bool kext_capable(int cap);
void kext_current_comm(u8 *comm);
int kext_current_tgid(void);
void kext_uts(u8 *release, u8 *machine, size_t len);
void kext_request_module(const char *name);

void kext_sk_list_init(struct kext_sock_list *list, const char *name,
		       struct lock_class_key *key);
bool kext_sk_list_add(struct kext_sock_list *list, struct sock *sk);
bool kext_sk_list_del(struct kext_sock_list *list, struct sock *sk);
void kext_sk_list_read_lock(struct kext_sock_list *list);
void kext_sk_list_read_unlock(struct kext_sock_list *list);
bool kext_sk_list_empty(const struct kext_sock_list *list);
struct sock *kext_sk_list_first(const struct kext_sock_list *list);
struct sock *kext_sk_list_next(const struct sock *sk);
void kext_sk_seq_title(struct seq_file *m);
void kext_sk_seq_line(struct seq_file *m, struct sock *sk, struct sock *parent);
void kext_seq_newline(struct seq_file *m);

int kext_sk_ack_backlog(const struct sock *sk);
bool kext_sk_acceptq_full(const struct sock *sk);
void kext_sk_acceptq_added(struct sock *sk);
void kext_sk_acceptq_removed(struct sock *sk);
void kext_sk_set_max_ack_backlog(struct sock *sk, int backlog);

void kext_sock_poll_wait(struct file *file, struct socket *sock, struct poll_table_struct *wait);
int kext_socket_type(const struct socket *sock);
void kext_socket_set_state(struct socket *sock, int state);
bool kext_sk_wait_begin(struct sock *sk, struct wait_queue_entry *entry);
long kext_sk_wait(struct wait_queue_entry *entry, long timeout);
void kext_sk_wait_end(struct sock *sk, struct wait_queue_entry *entry);
bool kext_signal_pending(void);
int kext_sock_intr_errno(long timeout);

bool kext_msg_copy_from(struct msghdr *msg, void *to, size_t len);
size_t kext_msg_count(const struct msghdr *msg);
unsigned int kext_msg_flags(const struct msghdr *msg);
void kext_msg_add_flags(struct msghdr *msg, unsigned int flags);
int kext_msg_copy_datagram(struct msghdr *msg, const struct sk_buff *skb, int len);
int kext_msg_put_cmsg(struct msghdr *msg, int level, int type, int len, const void *data);
int kext_msg_put_timeval(struct msghdr *msg, int level, int type, const struct sk_buff *skb);
void kext_msg_recv_timestamp(struct msghdr *msg, struct sock *sk, struct sk_buff *skb);
void kext_msg_recv_cmsgs(struct msghdr *msg, struct sock *sk, struct sk_buff *skb);
void kext_msg_recv_creds(struct socket *sock, struct msghdr *msg, const struct scm_creds *creds,
			 int flags);
void *kext_msg_name(const struct msghdr *msg);
int kext_msg_namelen(const struct msghdr *msg);
void kext_msg_set_namelen(struct msghdr *msg, int len);

bool kext_copy_from_sockptr(void *to, sockptr_t from, size_t len);
size_t kext_sockopt_write(sockopt_t *opt, const void *from, size_t len);
void __user *kext_compat_ptr(unsigned long arg);
void kext_sk_inherit(struct sock *sk, struct sock *parent);

void kext_sk_set_sndtimeo(struct sock *sk, long timeout);
unsigned int kext_jiffies_to_msecs(unsigned long jiffies);
long kext_sk_linger(const struct sock *sk);
int kext_sk_rcvlowat(const struct sock *sk, bool waitall, int len);
struct sk_buff *kext_sk_dequeue_rcv(struct sock *sk);
void kext_sk_requeue_rcv(struct sock *sk, struct sk_buff *skb);

#endif
