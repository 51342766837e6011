package dev.starling.node.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;

/** Asks the agent on this machine over its unix socket: one request a connection, HTTP/1.0, so that the answer ends with the connection. */
record AgentSocket(Path path) {
    static final JsonMapper JSON = JsonMapper.builder().build();
    private static final int MAX_ANSWER_BYTES = 64 << 20;
    private static final int SUCCESS_CLASS = 2;

    /** What went wrong, in a line for the user. */
    static final class AskException extends RuntimeException {
        private static final long serialVersionUID = 1;

        AskException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    JsonNode get(String target) {
        return ask("GET", target, new byte[0]);
    }

    JsonNode post(String target, JsonNode body) {
        return ask("POST", target, body.toString().getBytes(StandardCharsets.UTF_8));
    }

    private JsonNode ask(String method, String target, byte[] body) {
        String head = method + " " + target + " HTTP/1.0\r\nHost: starling\r\nContent-Type: application/json\r\nContent-Length: " + body.length
                + "\r\n\r\n";
        byte[] answer;
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(path));
            write(channel, head.getBytes(StandardCharsets.US_ASCII));
            write(channel, body);
            answer = Channels.newInputStream(channel).readNBytes(MAX_ANSWER_BYTES);
        } catch (IOException e) {
            throw new AskException("no agent answers at " + path + " (" + e.getMessage() + "): is it running? Name another socket with --socket", e);
        }
        return parse(answer);
    }

    private static void write(SocketChannel channel, byte[] bytes) throws IOException {
        for (ByteBuffer left = ByteBuffer.wrap(bytes); left.hasRemaining();) {
            channel.write(left);
        }
    }

    private JsonNode parse(byte[] answer) {
        String text = new String(answer, StandardCharsets.ISO_8859_1);
        int end = text.indexOf("\r\n\r\n");
        String[] status = text.split(" ", 3);
        if (end < 0 || status.length < 3 || !status[1].matches("[0-9]{3}")) {
            throw new AskException("what answers at " + path + " is no agent", null);
        }
        String body = new String(Arrays.copyOfRange(answer, end + 4, answer.length), StandardCharsets.UTF_8);
        try {
            JsonNode json = JSON.readTree(body);
            if (status[1].charAt(0) - '0' != SUCCESS_CLASS) {
                throw new AskException(json.path("message").asText(body), null);
            }
            return json;
        } catch (JsonProcessingException e) {
            throw new AskException("the agent's answer is no JSON: " + e.getOriginalMessage(), e);
        }
    }
}
