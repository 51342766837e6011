package dev.starling.netlink.nft;

import dev.starling.netlink.Attributes;
import dev.starling.netlink.Message;
import dev.starling.netlink.MessageWriter;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The requests of nf_tables for named sets and their elements, and reading them back.
 *
 * <pre>
 * NFTA_SET_TABLE 1, _NAME 2, _FLAGS 3, _KEY_TYPE 4, _KEY_LEN 5, _DATA_TYPE 6, _DATA_LEN 7, _DESC 9 { NFTA_SET_DESC_SIZE 1 }, _ID 10, _USERDATA 13
 * NFTA_SET_ELEM_LIST_TABLE 1, _SET 2, _ELEMENTS 3 { NFTA_LIST_ELEM 1 { NFTA_SET_ELEM_KEY 1 {data}, _DATA 2 {data} }, ... }
 * // linux/netfilter/nf_tables.h
 * </pre>
 */
final class NfSets {
    private static final int NEW_SET = 9;
    private static final int GET_SET = 10;
    private static final int DELETE_SET = 11;
    private static final int NEW_ELEMENTS = 12;
    private static final int GET_ELEMENTS = 13;
    private static final int DELETE_ELEMENTS = 14;

    private static final int SET_DESCRIPTION = 9;
    private static final int ELEMENTS = 3;
    private static final int FLAG_ANONYMOUS = 1;
    /** For nft, which would else print the bytes of a name or number the wrong way round: a type, a length, a number, in libnftnl's own format. */
    private static final int USER_DATA = 13;
    private static final int UDATA_KEY_BYTE_ORDER = 0;
    private static final int HOST_ORDER = 1;
    /** A list of elements is one attribute, whose length has 16 bits; an element takes at most 200 bytes here. */
    private static final int ELEMENTS_OF_REQUEST = 256;

    /** {@code add set} or {@code add map}, without its elements. {@code id} tells it from other new ones of the batch. */
    static Request add(TableName table, NamedSet set, int id) {
        NamedSet.Type type = set.type();
        return request(table.family(), "add set " + table + " " + set.name(), NEW_SET, Message.FLAG_CREATE, message -> {
            message.attribute(1, table.name()).attribute(2, set.name()).attributeBe32(3, type.flags()).attributeBe32(4, type.keyType())
                .attributeBe32(5, type.keyLength());
            if (type.dataType() != 0) {
                message.attributeBe32(6, type.dataType());
            }
            if (type.dataLength() != 0) {
                message.attributeBe32(7, type.dataLength());
            }
            if (type.size() != 0) {
                message.nest(SET_DESCRIPTION, description -> description.attributeBe32(1, type.size()));
            }
            message.attributeBe32(10, id);
            if (type.isHostOrder()) {
                message.nested(USER_DATA, data -> data.u8(UDATA_KEY_BYTE_ORDER).u8(4).u32(HOST_ORDER));
            }
        });
    }

    static Request delete(TableName table, String set) {
        return request(table.family(), "delete set " + table + " " + set, DELETE_SET, 0, message -> message.attribute(1, table.name()).attribute(2, set));
    }

    /** {@code add element} */
    static List<Request> addElements(TableName table, String set, List<NamedSet.Element> elements) {
        return elements("add element " + table + " " + set, NEW_ELEMENTS, Message.FLAG_CREATE, table, set, elements);
    }

    /** {@code delete element} */
    static List<Request> deleteElements(TableName table, String set, List<NamedSet.Element> elements) {
        return elements("delete element " + table + " " + set, DELETE_ELEMENTS, 0, table, set, elements);
    }

    private static List<Request> elements(String operation, int message, int flags, TableName table, String set, List<NamedSet.Element> elements) {
        List<Request> requests = new ArrayList<>();
        for (int from = 0; from < elements.size(); from += ELEMENTS_OF_REQUEST) {
            List<NamedSet.Element> some = elements.subList(from, Math.min(elements.size(), from + ELEMENTS_OF_REQUEST));
            requests.add(request(table.family(), operation, message, flags, body -> body.attribute(1, table.name()).attribute(2, set)
                .nest(ELEMENTS, list -> some.forEach(element -> write(list, element)))));
        }
        return requests;
    }

    static void write(MessageWriter list, NamedSet.Element element) {
        list.nest(ExpressionCodec.ELEMENT, nested -> {
            nested.nest(1, key -> key.attribute(ExpressionCodec.DATA_VALUE, element.key().bytes()));
            if (!element.chain().isEmpty()) {
                nested.nest(2, data -> data.nest(ExpressionCodec.DATA_VERDICT, verdict ->
                    ExpressionCodec.verdict(verdict, new Expression.Decide(Expression.Verdict.GOTO, element.chain()))));
            } else if (!element.value().equals(Data.NONE)) {
                nested.nest(2, data -> data.attribute(ExpressionCodec.DATA_VALUE, element.value().bytes()));
            }
        });
    }

    /** @param element one {@code NFTA_LIST_ELEM} */
    static NamedSet.Element element(Attributes element) {
        Attributes data = element.nested(2);
        Data key = ExpressionCodec.value(element.nested(1));
        if (!data.has(ExpressionCodec.DATA_VERDICT)) {
            return NamedSet.Element.of(key, ExpressionCodec.value(data));
        }
        return Optional.ofNullable(ExpressionCodec.verdict(data.nested(ExpressionCodec.DATA_VERDICT)))
            .filter(decide -> decide.verdict() == Expression.Verdict.GOTO).map(decide -> NamedSet.Element.moveTo(key, decide.chain()))
            .orElseGet(() -> NamedSet.Element.of(key, Data.octet(0))); // no value of ours has one byte: somebody else's, which will go
    }

    /** All but the anonymous ones, which come and go with a rule. */
    static List<NamedSet> read(NetlinkSocket socket, TableName table) {
        List<NamedSet> sets = new ArrayList<>();
        for (Message message : socket.dump(request(table.family(), "list sets", GET_SET, 0, body -> { }))) {
            Attributes set = message.attributes(Nfnetlink.HEADER);
            if (set.string(1).equals(table.name()) && (set.be32(3, 0) & FLAG_ANONYMOUS) == 0) {
                sets.add(NamedSet.of(set.string(2), type(set), elements(socket, table, set.string(2))));
            }
        }
        return sets;
    }

    private static NamedSet.Type type(Attributes set) {
        int dataType = set.be32(6, 0);
        return new NamedSet.Type(set.be32(3, 0), set.be32(4, 0), set.be32(5, 0), dataType, dataType == NamedSet.Type.VERDICT ? 0 : set.be32(7, 0),
            set.nested(SET_DESCRIPTION).be32(1, 0));
    }

    private static List<NamedSet.Element> elements(NetlinkSocket socket, TableName table, String set) {
        return socket.dump(request(table.family(), "list elements of " + set, GET_ELEMENTS, 0, message -> message.attribute(1, table.name()).attribute(2, set))).stream()
            .flatMap(message -> message.attributes(Nfnetlink.HEADER).nested(ELEMENTS).all().stream())
            .map(element -> element(Attributes.parse(element.payload(), 0))).toList();
    }

    private static Request request(Family family, String operation, int message, int flags, Consumer<MessageWriter> attributes) {
        return NfTables.request(family, operation, message, flags, attributes);
    }

    private NfSets() {}
}
