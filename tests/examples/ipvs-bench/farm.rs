//! Many servers in one thread: they answer, they die, they hang, and they note when they were asked.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bed::node::{Node, enter_network};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, SockFilter, SockRef, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc as orders;
use tokio::task::{AbortHandle, LocalSet};

/// Connections that wait for a server.
const BACKLOG: i32 = 64;
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";

/// What a server does with those who ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Takes the connection and ends it.
    Accept,
    /// Answers a request with 200.
    Answer,
    /// Takes the connection and a request, and says nothing.
    Hang,
    /// Nothing comes back from it: what is sent to it is dropped.
    Silent,
}

/// How a server dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// Its port is closed: who asks is refused (RST).
    Refusing,
    /// What is sent to it is dropped.
    Silent,
}

enum Order {
    Kill(usize, Death, mpsc::Sender<Instant>),
    TakeArrivals(mpsc::Sender<Vec<Vec<Instant>>>),
}

/// The servers. They are gone when it is dropped.
pub struct Farm {
    orders: Option<orders::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

type Arrivals = Rc<RefCell<Vec<Vec<Instant>>>>;

impl Farm {
    /// Starts servers in a node whose addresses are all there; returns when they listen.
    pub fn start(node: &Node, servers: Vec<(SocketAddr, Manner)>) -> Result<Self> {
        let network = node.network();
        let (sender, receiver) = orders::unbounded_channel();
        let (ready, started) = mpsc::channel();
        let thread = std::thread::Builder::new().name("servers".into()).spawn(move || {
            let runtime = enter_network(&network).and_then(|()| {
                let mut builder = tokio::runtime::Builder::new_current_thread();
                Ok(builder.enable_all().build()?)
            });
            match runtime {
                Err(error) => drop(ready.send(Err(error))),
                Ok(runtime) => LocalSet::new().block_on(&runtime, run(servers, receiver, &ready)),
            }
        })?;
        started.recv().context("the servers' thread died")??;
        Ok(Self {
            orders: Some(sender),
            thread: Some(thread),
        })
    }

    /// Kills a server; returns when it was dead.
    pub fn kill(&self, server: usize, death: Death) -> Result<Instant> {
        self.order(|done| Order::Kill(server, death, done))
    }

    /// When each server was asked since the last call.
    pub fn take_arrivals(&self) -> Result<Vec<Vec<Instant>>> {
        self.order(Order::TakeArrivals)
    }

    fn order<T>(&self, order: impl FnOnce(mpsc::Sender<T>) -> Order) -> Result<T> {
        let (done, outcome) = mpsc::channel();
        let sender = self.orders.as_ref().context("the servers are gone")?;
        sender.send(order(done)).ok().context("the servers are gone")?;
        outcome.recv().context("the servers are gone")
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(
    servers: Vec<(SocketAddr, Manner)>,
    mut orders: orders::UnboundedReceiver<Order>,
    ready: &mpsc::Sender<Result<()>>,
) {
    let arrivals: Arrivals = Rc::new(RefCell::new(vec![Vec::new(); servers.len()]));
    let mut alive = HashMap::new();
    for (server, (address, manner)) in servers.into_iter().enumerate() {
        match listen(address).and_then(|listener| {
            if manner == Manner::Silent {
                fall_silent(&listener)?;
            }
            Ok(listener)
        }) {
            Ok(listener) => {
                let listener = Rc::new(listener);
                let task = tokio::task::spawn_local(serve(server, listener.clone(), manner, arrivals.clone()));
                alive.insert(server, (listener, task.abort_handle()));
            }
            Err(error) => {
                let _ = ready.send(Err(error.context(format!("a server at {address}"))));
                return;
            }
        }
    }
    let _ = ready.send(Ok(()));
    while let Some(order) = orders.recv().await {
        match order {
            Order::Kill(server, death, done) => {
                kill(&mut alive, server, death).await;
                let _ = done.send(Instant::now());
            }
            Order::TakeArrivals(done) => {
                let taken = arrivals.borrow_mut().iter_mut().map(std::mem::take).collect();
                let _ = done.send(taken);
            }
        }
    }
}

async fn kill(alive: &mut HashMap<usize, (Rc<TcpListener>, AbortHandle)>, server: usize, death: Death) {
    match death {
        Death::Silent => {
            if let Some((listener, _)) = alive.get(&server) {
                // It was possible for others of its kind.
                let _ = fall_silent(listener);
            }
        }
        Death::Refusing => {
            if let Some((listener, task)) = alive.remove(&server) {
                task.abort();
                while !task.is_finished() {
                    tokio::task::yield_now().await;
                }
                drop(listener);
            }
        }
    }
}

fn listen(address: SocketAddr) -> Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into())?)
}

/// A filter that lets nothing through: `return 0`.
fn fall_silent(listener: &TcpListener) -> Result<()> {
    const RETURN: u16 = 0x06;
    let nothing = SockFilter::new(RETURN, 0, 0, 0);
    Ok(SockRef::from(listener).attach_filter(&[nothing])?)
}

async fn serve(server: usize, listener: Rc<TcpListener>, manner: Manner, arrivals: Arrivals) {
    while let Ok((stream, _)) = listener.accept().await {
        if let Some(arrivals) = arrivals.borrow_mut().get_mut(server) {
            arrivals.push(Instant::now());
        }
        match manner {
            Manner::Accept | Manner::Silent => drop(stream),
            Manner::Answer => drop(tokio::task::spawn_local(answer(stream))),
            Manner::Hang => drop(tokio::task::spawn_local(hang(stream))),
        }
    }
}

async fn answer(mut stream: TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(length) if length > 0 => {}
            _ => return,
        }
    }
    // Who asked may be gone.
    let _ = stream.write_all(ANSWER).await;
}

async fn hang(mut stream: TcpStream) {
    let mut heard = [0; 512];
    while stream.read(&mut heard).await.is_ok_and(|length| length > 0) {}
}

/// A bench has a listener for each server, and a connection or two for each.
pub fn allow_many_files() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most.min(1 << 16), most)?;
    Ok(())
}

/// From the earlier to the later in milliseconds.
pub fn ms_between(earlier: Instant, later: Instant) -> f64 {
    later.saturating_duration_since(earlier).as_secs_f64() * 1e3
}

/// A schedule that has no rhythm in common with seconds: multiples of the golden ratio.
pub fn phase(number: usize, within: Duration) -> Duration {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    within.mul_f64((f64::from(number) * 0.618_033_988_75).fract())
}
