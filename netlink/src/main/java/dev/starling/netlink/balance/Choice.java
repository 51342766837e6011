package dev.starling.netlink.balance;

/** How a new connection gets one of a service's backends. */
public enum Choice {
    /** Each with the same chance. */
    RANDOM,
    /** By the client's address: the same backend each time, whichever host it comes by, for as long as that backend is there. */
    BY_CLIENT
}
