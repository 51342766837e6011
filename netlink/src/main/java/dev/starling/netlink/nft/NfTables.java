package dev.starling.netlink.nft;

import dev.starling.netlink.Attributes;
import dev.starling.netlink.Errno;
import dev.starling.netlink.Message;
import dev.starling.netlink.MessageWriter;
import dev.starling.netlink.NetlinkSocket;
import dev.starling.netlink.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * The requests of nf_tables for our tables, and reading one back.
 *
 * <pre>
 * NFTA_TABLE_NAME 1
 * NFTA_CHAIN_TABLE 1, _NAME 3, _HOOK 4 { NFTA_HOOK_HOOKNUM 1, _PRIORITY 2 }, _POLICY 5, _TYPE 7
 * NFTA_RULE_TABLE 1, _CHAIN 2, _EXPRESSIONS 4 { NFTA_LIST_ELEM 1 {...}, ... }      // linux/netfilter/nf_tables.h
 * NFTA_GEN_ID 1; NFNL_BATCH_GENID 1                                               // linux/netfilter/nfnetlink.h
 * </pre>
 *
 * Changes go between a batch's begin and end, and take effect together or not at all. The kernel counts the batches of a network namespace in
 * its generation number; a begin that names one is refused (ERESTART) where another batch came in between.
 */
final class NfTables {
    private static final int BATCH_BEGIN = 0x10;
    private static final int BATCH_END = 0x11;
    private static final int NEW_TABLE = 0;
    private static final int DELETE_TABLE = 2;
    private static final int NEW_CHAIN = 3;
    private static final int GET_CHAIN = 4;
    private static final int DELETE_CHAIN = 5;
    private static final int NEW_RULE = 6;
    private static final int GET_RULE = 7;
    private static final int DELETE_RULE = 8;
    private static final int GET_GENERATION = 16;

    private static final int CHAIN_HOOK = 4;
    private static final int CHAIN_POLICY = 5;
    private static final int CHAIN_TYPE = 7;
    private static final int RULE_EXPRESSIONS = 4;
    private static final int POLICY_ACCEPT = 1;

    /** {@code add table ip NAME} */
    static Request addTable(TableName table) {
        return request(table.family(), "add table " + table, NEW_TABLE, Message.FLAG_CREATE, message -> message.attribute(1, table.name()));
    }

    /** {@code delete table ip NAME}, with all that is in it. */
    static Request deleteTable(TableName table) {
        return request(table.family(), "delete table " + table, DELETE_TABLE, 0, message -> message.attribute(1, table.name()));
    }

    /** {@code add chain}, without its rules. */
    static Request addChain(TableName table, Chain chain) {
        return request(table.family(), "add chain " + table + " " + chain.name(), NEW_CHAIN, Message.FLAG_CREATE, message -> {
            message.attribute(1, table.name()).attribute(3, chain.name());
            chain.hook().ifPresent(hook -> message
                .nest(CHAIN_HOOK, nested -> nested.attributeBe32(1, hook.point()).attributeBe32(2, hook.priority()))
                .attributeBe32(CHAIN_POLICY, POLICY_ACCEPT).attribute(CHAIN_TYPE, hook.type()));
        });
    }

    static Request deleteChain(TableName table, String chain) {
        return request(table.family(), "delete chain " + table + " " + chain, DELETE_CHAIN, 0, message -> message.attribute(1, table.name()).attribute(3, chain));
    }

    /** {@code flush chain} */
    static Request flushChain(TableName table, String chain) {
        return request(table.family(), "flush chain " + table + " " + chain, DELETE_RULE, 0, message -> message.attribute(1, table.name()).attribute(2, chain));
    }

    /** {@code add rule}, at the chain's end. */
    static Request addRule(TableName table, String chain, Rule rule) {
        return request(table.family(), "add rule " + table + " " + chain + " " + rule.expressions(), NEW_RULE, Message.FLAG_CREATE | Message.FLAG_APPEND,
            message -> message.attribute(1, table.name()).attribute(2, chain)
                .nest(RULE_EXPRESSIONS, list -> rule.expressions().forEach(expression -> ExpressionCodec.write(list, expression))));
    }

    static Request request(Family family, String operation, int message, int flags, Consumer<MessageWriter> attributes) {
        return Request.of("nft " + operation, Nfnetlink.type(Nfnetlink.SUBSYSTEM_NFTABLES, message), flags,
            body -> attributes.accept(Nfnetlink.header(body, family.number)));
    }

    /** @param generation that the batch was made for */
    static Request begin(int generation) {
        return Request.of("nft commit", BATCH_BEGIN, 0, message -> batchHeader(message).attributeBe32(1, generation));
    }

    static Request end() {
        return Request.of("nft commit", BATCH_END, 0, NfTables::batchHeader);
    }

    private static MessageWriter batchHeader(MessageWriter message) {
        return message.u8(Nfnetlink.AF_UNSPEC).u8(0).u8(0).u8(Nfnetlink.SUBSYSTEM_NFTABLES); // the subsystem is res_id, big-endian
    }

    static Request getGeneration() {
        return Request.of("nft get generation", Nfnetlink.type(Nfnetlink.SUBSYSTEM_NFTABLES, GET_GENERATION), 0,
            message -> Nfnetlink.header(message, Nfnetlink.AF_UNSPEC));
    }

    static int generation(Message answer) {
        return answer.attributes(Nfnetlink.HEADER).be32(1, 0);
    }

    /** Empty where there is no such table, and where it has nothing. */
    static Table read(NetlinkSocket socket, TableName table) {
        SortedMap<String, List<Rule>> rules = new TreeMap<>();
        socket.dump(request(table.family(), "list rules of " + table, GET_RULE, 0, message -> message.attribute(1, table.name())).tolerating(Errno.ENOENT)).stream()
            .map(message -> message.attributes(Nfnetlink.HEADER)).filter(attributes -> attributes.string(1).equals(table.name()))
            .forEach(attributes -> rules.computeIfAbsent(attributes.string(2), chain -> new ArrayList<>()).add(rule(attributes)));
        List<Chain> chains = socket.dump(request(table.family(), "list chains", GET_CHAIN, 0, message -> { })).stream()
            .map(message -> message.attributes(Nfnetlink.HEADER)).filter(attributes -> attributes.string(1).equals(table.name()))
            .map(attributes -> new Chain(attributes.string(3), hook(attributes), List.copyOf(rules.getOrDefault(attributes.string(3), List.of()))))
            .toList();
        return Table.of(table.family(), chains, NfSets.read(socket, table));
    }

    private static Optional<Chain.Hook> hook(Attributes chain) {
        Attributes hook = chain.nested(CHAIN_HOOK);
        return chain.has(CHAIN_HOOK) ? Optional.of(new Chain.Hook(chain.string(CHAIN_TYPE), hook.be32(1, -1), hook.be32(2, 0))) : Optional.empty();
    }

    private static Rule rule(Attributes attributes) {
        return new Rule(attributes.nested(RULE_EXPRESSIONS).all().stream().map(element -> ExpressionCodec.read(element.payload())).toList());
    }

    private NfTables() {}
}
