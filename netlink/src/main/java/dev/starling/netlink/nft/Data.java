package dev.starling.netlink.nft;

import dev.starling.netlink.AddressText;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/** What a register is loaded with or compared to. Each has the byte order of its source: packets and addresses big-endian, the kernel's numbers the host's. */
public final class Data implements Comparable<Data> {
    public static final Data NONE = new Data(new byte[0]);
    private static final int INTERFACE_NAME = 16; // IFNAMSIZ
    private static final int PART = 4;

    private final byte[] bytes;

    private Data(byte[] bytes) {
        this.bytes = bytes;
    }

    public static Data of(byte[] bytes) {
        return new Data(bytes.clone());
    }

    /** A number that the kernel itself computes: a conntrack state, numgen, an address type. */
    public static Data number(int value) {
        return new Data(ByteBuffer.allocate(4).order(ByteOrder.nativeOrder()).putInt(value).array());
    }

    public static Data octet(int value) {
        return new Data(new byte[] {(byte) value});
    }

    public static Data port(int port) {
        return new Data(new byte[] {(byte) (port >> 8), (byte) port});
    }

    public static Data address(String address) {
        return new Data(AddressText.bytes(address));
    }

    /** Padded: equal to this name only. */
    public static Data deviceName(String name) {
        return new Data(Arrays.copyOf(name.getBytes(StandardCharsets.UTF_8), INTERFACE_NAME));
    }

    /** Names that begin so: {@code "sb-*"}. */
    public static Data deviceNamePrefix(String prefix) {
        return new Data(prefix.getBytes(StandardCharsets.UTF_8));
    }

    /** The first {@code prefix} bits of an address. */
    public static Data subnet(String base, int prefix) {
        byte[] address = AddressText.bytes(base);
        byte[] mask = mask(Family.of(base), prefix).bytes;
        for (int i = 0; i < mask.length; i++) {
            address[i] &= mask[i];
        }
        return new Data(address);
    }

    public static Data mask(Family family, int prefix) {
        byte[] mask = new byte[family.addressLength];
        for (int bit = 0; bit < prefix; bit++) {
            mask[bit / 8] |= (byte) (0x80 >> bit % 8);
        }
        return new Data(mask);
    }

    /** Several parts as one key or value, {@code tcp . 8080}: each is padded to four bytes or a multiple, as it is in registers. */
    public static Data concatenated(Data... parts) {
        ByteBuffer all = ByteBuffer.allocate(Arrays.stream(parts).mapToInt(part -> padded(part.bytes.length)).sum());
        for (Data part : parts) {
            all.put(Arrays.copyOf(part.bytes, padded(part.bytes.length)));
        }
        return new Data(all.array());
    }

    private static int padded(int length) {
        return (length + PART - 1) / PART * PART;
    }

    public byte[] bytes() {
        return bytes.clone();
    }

    @Override
    public int compareTo(Data other) {
        return Arrays.compareUnsigned(bytes, other.bytes);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Data data && Arrays.equals(bytes, data.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return "0x" + HexFormat.of().formatHex(bytes);
    }
}
