/**
 * Bytes between nodes: mutual TLS 1.3 over TCP, one pooled connection per peer, a deadline and a bound on everything.
 *
 * <p>{@link dev.starling.gossip.transport.PeerTransport} is the door for any thread. Behind it one event loop thread owns all state, so
 * nothing here is locked:
 * <pre>
 *   PeerTransport -> Switchboard -> Link (one per address: dials, queues, backs off)
 *                                -> Connection (one per TLS channel: handshake, hello, frames, deadlines)
 * </pre>
 * A connection goes {@code TLS handshake -> hello -> established -> closed} and never back. With TLS 1.3 a client is done before the
 * server has looked at its certificate; the server's hello frame is what tells it that it was let in.
 */
package dev.starling.gossip.transport;
