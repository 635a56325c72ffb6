//! A server on a thread of its own.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::guard::{self, Client, Guard, Limited};
use crate::error::{Error, Result, cause};
use crate::sync::threads;

/// How long the end waits for responses in progress.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Serves until it is closed or dropped.
pub struct Server {
    /// Dropping it ends the server.
    open: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    address: String,
}

/// An address that is taken, for a server that starts later.
pub struct Place {
    listener: TcpListener,
    guard: Guard,
    /// What to open in a browser.
    address: String,
}

impl Place {
    /// Takes the address `listen`, for everyone who knows `token`. An address that other machines can reach gets a random token if
    /// none is given. `flag` is what chose the address, for messages.
    ///
    /// # Errors
    /// The port is taken, or the address does not belong to this machine.
    pub fn take(listen: SocketAddr, token: Option<String>, flag: &str) -> Result<Self> {
        let failed = |error: io::Error| cannot_listen(listen, flag, &error);
        let listener = TcpListener::bind(listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let listen = listener.local_addr().map_err(failed)?;
        let token = match token {
            None if !listen.ip().is_loopback() => Some(guard::random_token()?),
            token => token,
        };
        let query = token.as_ref().map_or(String::new(), |token| format!("?token={token}"));
        let address = format!("http://{}/{query}", reachable(listen));
        Ok(Self { listener, guard: Guard { listen, token }, address })
    }

    /// Serves `routes` here, on a thread of its own.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn serve(self, routes: Router) -> Result<Server> {
        let Self { listener, guard, address } = self;
        let failed = |error: io::Error| Error::failed(format!("cannot serve: {}", cause(&error)));
        let runtime: Runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (open, mut closed) = watch::channel(());
        let listener = {
            let _inside = runtime.enter();
            Limited::new(tokio::net::TcpListener::from_std(listener).map_err(failed)?)
        };
        let routes = routes
            .layer(from_fn_with_state(Arc::new(guard), guard::check))
            .into_make_service_with_connect_info::<Client>();
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    // It never ends by itself.
                    _ = axum::serve(listener, routes).into_future() => {}
                    _ = closed.changed() => {}
                }
            });
            runtime.shutdown_timeout(LAST_WORDS);
        };
        let thread = threads::spawn("http", serve)?;
        Ok(Server { open: Some(open), thread: Some(thread), address })
    }
}

impl Server {
    /// The address to open in a browser.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Ends it, and its connections.
    pub fn close(&mut self) {
        self.open = None;
        if let Some(thread) = self.thread.take() {
            // A panic in one request does not reach here; after one in the server itself there is nothing left to do.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}

fn cannot_listen(listen: SocketAddr, flag: &str, error: &io::Error) -> Error {
    let port = listen.port();
    Error::failed(match error.kind() {
        io::ErrorKind::AddrInUse => {
            let other = if port == u16::MAX { port - 1 } else { port + 1 };
            let other = SocketAddr::new(listen.ip(), other);
            format!("port {port} is taken by another program; choose another: {flag} {other}")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{} is not an address of this machine; use 127.0.0.1, or 0.0.0.0 for all of them", listen.ip())
        }
        io::ErrorKind::PermissionDenied => {
            let other = SocketAddr::new(listen.ip(), 8080);
            format!("port {port} is reserved for the system; choose one from 1024 up: {flag} {other}")
        }
        _ => format!("cannot serve at {listen}: {}; choose another address or port: {flag} ADDRESS:PORT", cause(error)),
    })
}

/// The address to open: for a server on all addresses, this machine's own in its network.
fn reachable(listen: SocketAddr) -> SocketAddr {
    if !listen.ip().is_unspecified() {
        return listen;
    }
    // Nothing is sent: connecting a datagram socket only asks the system which of its addresses leads out.
    let (own, out) = if listen.is_ipv4() { ("0.0.0.0:0", "192.0.2.1:9") } else { ("[::]:0", "[2001:db8::1]:9") };
    let found = UdpSocket::bind(own).and_then(|socket| {
        socket.connect(out)?;
        socket.local_addr()
    });
    found.map_or(listen, |found| SocketAddr::new(found.ip(), listen.port()))
}
