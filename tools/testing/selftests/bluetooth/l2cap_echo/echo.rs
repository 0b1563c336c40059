// SPDX-License-Identifier: GPL-2.0

//! A protocol of the kernel's own over L2CAP, for the tests: it sends back what it receives.
//!
//! It is made as such protocols are. Its sockets are the kernel's, with no file; their callbacks
//! wake one thread, which asks each socket what there is to do, and waits in no call.
//!
//! Loaded with `psm=N` alone it listens there. With `peer=ADDRESS` it connects to that, and
//! loading fails as connecting does. `kind` is the type of address: 0 BR/EDR, 1 LE public.

#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod socket;
#[allow(unsafe_code)]
mod thread;

use kernel::prelude::*;
use kernel::sync::Arc;
use socket::{
    Address,
    Socket, //
};
use thread::{
    Bell,
    Thread, //
};

module! {
    type: Echo,
    name: "l2cap_echo",
    authors: ["The Oxtooth developers"],
    description: "Sends back what it receives over L2CAP",
    license: "GPL",
    params: {
        psm: u16 {
            default: 0x1001,
            description: "Where to listen, or to connect to",
        },
        kind: u8 {
            default: 0,
            description: "Type of address: 0 BR/EDR, 1 LE public",
        },
        peer: u64 {
            default: 0,
            description: "Whom to connect to; 0: listen",
        },
    },
}

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 8;

/// The longest message there is.
const LONGEST: usize = 0xffff;

/// A connection.
struct Connection {
    socket: Socket,
    buffer: KVec<u8>,
    /// So many bytes of it are still to be sent back.
    waiting: Option<usize>,
}

impl Connection {
    fn new(socket: Socket) -> Result<Self> {
        Ok(Self {
            socket,
            buffer: KVec::from_elem(0, LONGEST, GFP_KERNEL)?,
            waiting: None,
        })
    }

    /// Sends back what is there, as far as it can be sent now. `false`: the connection has ended.
    fn turn(&mut self) -> bool {
        loop {
            let len = match self.waiting {
                Some(len) => len,
                None => match self.socket.receive(&mut self.buffer) {
                    Ok(0) => return false,
                    Ok(len) => len,
                    Err(error) => return error == EAGAIN,
                },
            };
            self.waiting = Some(len);
            let Some(message) = self.buffer.get_mut(..len) else {
                return false;
            };
            match self.socket.send(message) {
                Ok(_) => self.waiting = None,
                Err(error) => return error == EAGAIN,
            }
        }
    }
}

/// What the thread has.
struct Server {
    listener: Option<Socket>,
    connections: KVec<Connection>,
}

impl Server {
    /// All that can be done now.
    fn turn(&mut self) {
        while let Some(Ok(socket)) = self.listener.as_ref().map(Socket::accept) {
            let added = Connection::new(socket).and_then(|connection| {
                self.connections.push(connection, GFP_KERNEL)?;
                Ok(())
            });
            if let Err(error) = added {
                pr_err!("a connection is refused: {:?}\n", error);
            }
        }
        self.connections.retain(Connection::turn);
    }
}

/// The module.
struct Echo {
    _thread: Thread,
}

impl kernel::Module for Echo {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let psm = module_parameters::psm.value();
        let kind = module_parameters::kind.value();
        let peer = module_parameters::peer.value();

        let bell = Arc::pin_init(Bell::new(), GFP_KERNEL)?;
        let mut server = Server {
            listener: None,
            connections: KVec::new(),
        };
        let mut socket = Socket::new(bell.clone())?;
        if peer == 0 {
            socket.hook();
            socket.bind(&Address::new(0, kind, psm))?;
            socket.listen(BACKLOG)?;
            server.listener = Some(socket);
        } else {
            socket.bind(&Address::new(0, kind, 0))?;
            socket.connect(&Address::new(peer, kind, psm))?;
            socket.hook();
            server
                .connections
                .push(Connection::new(socket)?, GFP_KERNEL)?;
        }
        Ok(Self {
            _thread: Thread::start(server, bell)?,
        })
    }
}
