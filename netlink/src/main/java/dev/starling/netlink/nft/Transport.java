package dev.starling.netlink.nft;

import java.util.Locale;

/** Protocols with ports, by their IP protocol number. */
public enum Transport {
    TCP(6), UDP(17);

    private final int number;

    Transport(int number) {
        this.number = number;
    }

    public int number() {
        return number;
    }

    /** "tcp" */
    public String wireName() {
        return name().toLowerCase(Locale.ROOT);
    }
}
