package dev.starling.netlink.overlay;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Optional;

/**
 * Names of our devices. Linux gives 15 characters, so a network is known by the first 10 of its uid (base 36: 51 bits), and a container's
 * leg by a hash of network and container. The prefixes are ours alone; devices with other names are never touched.
 *
 * @param key the part of the network's uid that its devices carry
 */
record DeviceNames(String key) {
    static final String BRIDGE = "sb-";
    private static final String VXLAN = "sx-";
    private static final String LEG = "sv-";
    private static final int KEY_LENGTH = 10;
    private static final int LEG_HASH_LENGTH = 12;

    /** @param networkUid at least 10 characters of 0-9, a-z; a key stands for itself */
    static DeviceNames of(String networkUid) {
        if (!networkUid.matches("[0-9a-z]{" + KEY_LENGTH + ",}")) {
            throw new IllegalArgumentException("network uid must have at least " + KEY_LENGTH + " characters of 0-9 and a-z: " + networkUid);
        }
        return new DeviceNames(networkUid.substring(0, KEY_LENGTH));
    }

    /** Reads the key back from the name of a bridge or VXLAN device. */
    static Optional<DeviceNames> ofDevice(String device) {
        return device.matches("(" + BRIDGE + "|" + VXLAN + ")[0-9a-z]{" + KEY_LENGTH + "}")
            ? Optional.of(new DeviceNames(device.substring(BRIDGE.length()))) : Optional.empty();
    }

    String bridge() {
        return BRIDGE + key;
    }

    String vxlan() {
        return VXLAN + key;
    }

    /** The host's end of a container's veth. */
    String leg(String endpointId) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-256").digest((key + "/" + endpointId).getBytes(StandardCharsets.UTF_8));
            return LEG + new BigInteger(1, hash).add(BigInteger.ONE.shiftLeft(256)).toString(36).substring(1, 1 + LEG_HASH_LENGTH);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    static boolean isLeg(String device) {
        return device.startsWith(LEG);
    }
}
