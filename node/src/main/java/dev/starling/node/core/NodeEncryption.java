package dev.starling.node.core;

import dev.starling.gossip.Bytes;
import dev.starling.gossip.NodeId;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;

/**
 * What a node says in its record of the encryption of overlay networks; one that says nothing cannot encrypt.
 *
 * @param keys         its public X25519 keys, oldest first; usually one, more while it changes them
 * @param ciphers      what its kernel has, the best first ({@code Cipher.text})
 * @param acknowledged by peer
 * @param reach        how it is reached inside UDP; empty: it cannot be (an older release, or its kernel)
 */
public record NodeEncryption(
        List<Bytes> keys, List<String> ciphers, SortedMap<NodeId, KeyAcknowledgement> acknowledged, Optional<TunnelReach> reach) {
    /** More than a node has by its own doing; what a liar may make others compute is bounded by it. */
    public static final int MOST_KEYS = 3;
    private static final int KEY_BYTES = 32;
    private static final int ID_BYTES = 8;

    /** What a key is called in a {@link KeyAcknowledgement}: its first eight bytes, in hex. A public key of this kind looks random. */
    public static String idOf(Bytes key) {
        return HexFormat.of().formatHex(key.array(), 0, ID_BYTES);
    }

    static boolean isKey(Bytes key) {
        return key.size() == KEY_BYTES;
    }

    public Bytes newest() {
        return keys.get(keys.size() - 1);
    }

    public Optional<Bytes> key(String id) {
        return keys.stream().filter(key -> idOf(key).equals(id)).findFirst();
    }
}
