package dev.starling.netlink.route;

import dev.starling.netlink.AddressText;
import dev.starling.netlink.Attributes;
import dev.starling.netlink.Errno;
import dev.starling.netlink.Message;
import dev.starling.netlink.MessageWriter;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.List;
import java.util.function.Consumer;

/** {@code bridge fdb}: neighbour messages (layout: {@link Neighbors}) of family AF_BRIDGE, keyed by MAC. */
public final class Fdb {
    private static final int NTF_SELF = 2;
    private static final int NTF_MASTER = 4;
    private static final int NTF_EXT_LEARNED = 16;

    /** {@code bridge fdb replace MAC dev VXLAN dst HOST self master extern_learn}: both tables in one request. */
    public static Request replaceRemote(int vxlan, String mac, String host) {
        return replaceRemote(vxlan, mac, host, "", message -> { });
    }

    /** The same with {@code via DEVICE}: for a host that no route leads to, since only what happens to the packet later says where it is. */
    public static Request replaceRemote(int vxlan, String mac, String host, int via) {
        return replaceRemote(vxlan, mac, host, " via " + via, message -> message.attributeU32(Neighbors.NDA_IFINDEX, via));
    }

    private static Request replaceRemote(int vxlan, String mac, String host, String words, Consumer<MessageWriter> further) {
        return Request.of("fdb replace " + mac + " dev " + vxlan + " dst " + host + words + " self master extern_learn", Rtnetlink.RTM_NEWNEIGH,
            Message.FLAG_CREATE | Message.FLAG_REPLACE,
            message -> further.accept(
                Neighbors.header(message, Rtnetlink.AF_BRIDGE, vxlan, Neighbors.NUD_PERMANENT, NTF_SELF | NTF_MASTER | NTF_EXT_LEARNED)
                    .attribute(Neighbors.NDA_LLADDR, AddressText.mac(mac)).attribute(Neighbors.NDA_DST, AddressText.bytes(host))));
    }

    /** {@code bridge fdb replace MAC dev PORT master static}. */
    public static Request pin(int port, String mac) {
        return Request.of("fdb replace " + mac + " dev " + port + " master static", Rtnetlink.RTM_NEWNEIGH, Message.FLAG_CREATE | Message.FLAG_REPLACE,
            message -> Neighbors.header(message, Rtnetlink.AF_BRIDGE, port, Neighbors.NUD_NOARP, NTF_MASTER).attribute(Neighbors.NDA_LLADDR, AddressText.mac(mac)));
    }

    /** From the device's own table, with all destinations of that MAC. Deleting one that is not there is fine. */
    public static Request deleteSelf(int vxlan, String mac) {
        return delete(vxlan, mac, NTF_SELF, "self");
    }

    /** From the bridge's table. Deleting one that is not there is fine. */
    public static Request deleteMaster(int port, String mac) {
        return delete(port, mac, NTF_MASTER, "master");
    }

    /** Both tables of all ports of a bridge. */
    public static List<FdbEntry> list(NetlinkSocket socket, int bridge) {
        return socket.dump(Request.of("fdb list br " + bridge, Rtnetlink.RTM_GETNEIGH, 0,
                message -> Neighbors.header(message, Rtnetlink.AF_BRIDGE, 0, 0, 0).attributeU32(Neighbors.NDA_MASTER, bridge))).stream()
            .map(Fdb::parse).toList();
    }

    private static Request delete(int device, String mac, int flag, String table) {
        return Request.of("fdb delete " + mac + " dev " + device + " " + table, Rtnetlink.RTM_DELNEIGH, 0,
            message -> Neighbors.header(message, Rtnetlink.AF_BRIDGE, device, 0, flag).attribute(Neighbors.NDA_LLADDR, AddressText.mac(mac)))
            .tolerating(Errno.ENOENT, Errno.ENODEV);
    }

    private static FdbEntry parse(Message message) {
        Attributes attributes = message.attributes(Neighbors.HEADER);
        return new FdbEntry(Neighbors.device(message), AddressText.mac(attributes.bytes(Neighbors.NDA_LLADDR)),
            AddressText.text(attributes.bytes(Neighbors.NDA_DST)), attributes.has(Neighbors.NDA_MASTER),
            (Neighbors.flags(message) & NTF_EXT_LEARNED) != 0, (Neighbors.state(message) & (Neighbors.NUD_PERMANENT | Neighbors.NUD_NOARP)) != 0);
    }

    private Fdb() {}
}
