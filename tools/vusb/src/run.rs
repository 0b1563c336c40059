// SPDX-License-Identifier: GPL-2.0

//! Sockets and time: one thread per stream that reads, and one loop that does everything else.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use crate::control;
use crate::device::{Device, Output};
use crate::h4::{self, Kind};
use crate::peer::Peer;
use crate::redir;

/// How long a controller emulation may take to listen.
const CONNECT: Duration = Duration::from_secs(30);

/// What to connect.
pub struct Options {
    /// Where QEMU connects.
    pub host: PathBuf,
    /// Where tests connect.
    pub control: PathBuf,
    /// `HOST:PORT` of a controller emulation with H4 over TCP.
    pub controller: String,
    /// Whether there is a remote device on a second connection to it.
    pub peer: bool,
}

enum Event {
    HostConnected(u64, UnixStream),
    HostBytes(u64, Vec<u8>),
    HostGone(u64),
    Controller(Vec<u8>),
    Peer(Vec<u8>),
    Line(String, UnixStream),
    /// A controller's connection is gone.
    Lost(&'static str),
}

/// Reads until the end, and tells `wrap`'s event of each piece.
fn read_all(mut from: impl Read, to: &Sender<Event>, wrap: impl Fn(Vec<u8>) -> Event) {
    let mut buffer = vec![0; 65536];
    while let Ok(count) = from.read(&mut buffer) {
        let piece = buffer.get(..count).unwrap_or_default().to_vec();
        if piece.is_empty() || to.send(wrap(piece)).is_err() {
            return;
        }
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => UnixListener::bind(path),
    }
}

fn accept_hosts(listener: UnixListener, to: Sender<Event>) {
    thread::spawn(move || {
        // One device has one host; the next one may come when the last has gone.
        for (stream, number) in listener.incoming().flatten().zip(1u64..) {
            let Ok(writer) = stream.try_clone() else {
                continue;
            };
            if to.send(Event::HostConnected(number, writer)).is_err() {
                return;
            }
            read_all(stream, &to, |bytes| Event::HostBytes(number, bytes));
            if to.send(Event::HostGone(number)).is_err() {
                return;
            }
        }
    });
}

fn accept_controls(listener: UnixListener, to: Sender<Event>) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let to = to.clone();
            thread::spawn(move || {
                let Ok(writer) = stream.try_clone() else {
                    return;
                };
                for line in BufReader::new(stream).lines() {
                    let (Ok(line), Ok(writer)) = (line, writer.try_clone()) else {
                        return;
                    };
                    if !line.trim().is_empty() && to.send(Event::Line(line, writer)).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

fn connect(
    address: &str,
    to: Sender<Event>,
    name: &'static str,
    wrap: fn(Vec<u8>) -> Event,
) -> io::Result<TcpStream> {
    let began = Instant::now();
    let stream = loop {
        match TcpStream::connect(address) {
            Ok(stream) => break stream,
            Err(error) if began.elapsed() > CONNECT => return Err(error),
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    };
    stream.set_nodelay(true)?;
    let reader = stream.try_clone()?;
    thread::spawn(move || {
        read_all(reader, &to, wrap);
        // The loop may be gone already, and that is the end, too.
        to.send(Event::Lost(name)).unwrap_or_default();
    });
    Ok(stream)
}

struct Host {
    number: u64,
    stream: UnixStream,
    decoder: redir::Decoder,
}

struct Loop {
    device: Device,
    peer: Option<Peer>,
    began: Instant,
    host: Option<Host>,
    controller: TcpStream,
    controller_in: h4::Stream,
    peer_stream: Option<TcpStream>,
    peer_in: h4::Stream,
}

fn lost_sync(name: &str, byte: h4::LostSync) -> io::Error {
    io::Error::other(format!("{name}: no H4 packet begins with 0x{:02x}", byte.0))
}

impl Loop {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn host_gone(&mut self) {
        self.host = None;
        self.device.host_gone();
    }

    fn on_event(&mut self, event: Event) -> io::Result<()> {
        let now = self.now();
        match event {
            Event::HostConnected(number, stream) => {
                self.host = Some(Host {
                    number,
                    stream,
                    decoder: redir::Decoder::new(),
                });
                self.device.host_connected();
            }
            Event::HostBytes(number, bytes) => {
                let Some(host) = self.host.as_mut().filter(|host| host.number == number) else {
                    return Ok(());
                };
                host.decoder.push(&bytes);
                loop {
                    match host.decoder.next_packet() {
                        Ok(None) => break,
                        Ok(Some((id, request))) => self.device.on_host(now, id, request),
                        Err(error) => {
                            eprintln!("vusb: the host's connection is of no use: {error}");
                            self.host_gone();
                            break;
                        }
                    }
                }
            }
            Event::HostGone(number) => {
                if self.host.as_ref().is_some_and(|host| host.number == number) {
                    self.host_gone();
                }
            }
            Event::Controller(bytes) => {
                self.controller_in.push(&bytes);
                while let Some((kind, packet)) = self
                    .controller_in
                    .next_packet()
                    .map_err(|byte| lost_sync("controller", byte))?
                {
                    self.device.on_controller(now, kind, packet);
                }
            }
            Event::Peer(bytes) => {
                self.peer_in.push(&bytes);
                while let Some((kind, packet)) = self
                    .peer_in
                    .next_packet()
                    .map_err(|byte| lost_sync("peer", byte))?
                {
                    if let Some(peer) = &mut self.peer {
                        peer.on_controller(kind, &packet);
                    }
                }
            }
            Event::Line(line, mut writer) => {
                let mut answer = String::new();
                match control::execute(&mut self.device, self.peer.as_mut(), now, &line) {
                    Ok(lines) => {
                        for line in lines {
                            answer += &format!(" {line}\n");
                        }
                        answer += "ok\n";
                    }
                    Err(text) => answer = format!("error {}\n", text.replace('\n', " ")),
                }
                // Whoever asked may have gone.
                writer.write_all(answer.as_bytes()).unwrap_or_default();
            }
            Event::Lost(name) => {
                return Err(io::Error::other(format!("the {name}'s connection is gone")))
            }
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let mut to_host = Vec::new();
        let mut to_controller = Vec::new();
        for output in self.device.take_output() {
            match output {
                Output::Host(bytes) => to_host.extend(bytes),
                Output::Controller(kind, packet) => to_controller.extend(h4::frame(kind, &packet)),
            }
        }
        if let Some(host) = self.host.as_mut().filter(|_| !to_host.is_empty()) {
            if host.stream.write_all(&to_host).is_err() {
                self.host_gone();
            }
        }
        if !to_controller.is_empty() {
            self.controller.write_all(&to_controller)?;
        }
        if let (Some(peer), Some(stream)) = (&mut self.peer, &mut self.peer_stream) {
            let bytes: Vec<u8> = peer
                .take_output()
                .into_iter()
                .flat_map(|(kind, packet): (Kind, Vec<u8>)| h4::frame(kind, &packet))
                .collect();
            if !bytes.is_empty() {
                stream.write_all(&bytes)?;
            }
        }
        Ok(())
    }

    fn run(&mut self, from: &Receiver<Event>) -> io::Result<()> {
        loop {
            self.write()?;
            let now = self.now();
            let wait = match self.device.next_time(now) {
                Some(time) => Duration::from_micros(time.saturating_sub(now)),
                None => Duration::from_secs(3600),
            };
            match from.recv_timeout(wait) {
                Ok(event) => self.on_event(event)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            // What has come meanwhile goes out in one piece.
            while let Ok(event) = from.try_recv() {
                self.on_event(event)?;
            }
            let now = self.now();
            self.device.on_time(now);
        }
    }
}

/// Runs the device until one of the controllers goes.
///
/// # Errors
///
/// What went wrong with a socket.
pub fn run(device: Device, options: &Options) -> io::Result<()> {
    let (to, from) = mpsc::channel();
    accept_hosts(listen(&options.host)?, to.clone());
    accept_controls(listen(&options.control)?, to.clone());
    let controller = connect(
        &options.controller,
        to.clone(),
        "controller",
        Event::Controller,
    )?;
    let peer_stream = if options.peer {
        Some(connect(
            &options.controller,
            to.clone(),
            "peer",
            Event::Peer,
        )?)
    } else {
        None
    };
    println!("ready");
    Loop {
        device,
        peer: options.peer.then(Peer::new),
        began: Instant::now(),
        host: None,
        controller,
        controller_in: h4::Stream::default(),
        peer_stream,
        peer_in: h4::Stream::default(),
    }
    .run(&from)
}
