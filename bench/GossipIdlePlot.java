import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Draws idle traffic against cluster size: {@code java bench/GossipIdlePlot.java IN.csv OUT.svg}. The columns are those that
 * bench/gossip-scale.sh writes: kind, nodes, messages, payload bytes, bytes on the wire, and those of the busiest node; all per node and second.
 */
final class GossipIdlePlot {
    private static final int LEFT = 70;
    private static final int TOP = 50;
    private static final int WIDTH = 560;
    private static final int HEIGHT = 260;
    private static final int MOST_BYTES = 600;

    private record Row(int nodes, double payload, double wire) {
        double x() {
            return LEFT + WIDTH * (Math.log10(nodes) - Math.log10(3)) / (Math.log10(10_000) - Math.log10(3));
        }
    }

    public static void main(String[] args) throws IOException {
        List<Row> rows = Files.readAllLines(Path.of(args[0])).stream().filter(line -> line.startsWith("idle,")).map(line -> line.split(","))
                .map(cells -> new Row(Integer.parseInt(cells[1]), Double.parseDouble(cells[3]), Double.parseDouble(cells[4]))).toList();
        List<String> svg = new ArrayList<>();
        svg.add("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 680 370\" font-family=\"sans-serif\" font-size=\"12\">");
        svg.add("<rect width=\"680\" height=\"370\" fill=\"white\"/>");
        svg.add(text(LEFT, 24, "start", "Idle traffic out of each node, bytes a second (simulated, profile lan)"));
        for (int bytes = 0; bytes <= MOST_BYTES; bytes += 100) {
            svg.add(line(LEFT, y(bytes), LEFT + WIDTH, y(bytes), bytes == 500 ? "#c33\" stroke-dasharray=\"5 4" : "#ddd"));
            svg.add(text(LEFT - 8, y(bytes) + 4, "end", String.valueOf(bytes)));
        }
        svg.add(text(LEFT + WIDTH, y(500) - 5, "end", "target at 5 nodes"));
        for (Row row : rows) {
            svg.add(text(row.x(), TOP + HEIGHT + 18, "middle", String.format(Locale.ROOT, "%,d", row.nodes)));
        }
        svg.add(text(LEFT + WIDTH / 2.0, TOP + HEIGHT + 40, "middle", "nodes"));
        series(svg, rows, true, "#1f5fa8", "with TLS, TCP/IP and acknowledgements");
        series(svg, rows, false, "#2a8a4a", "messages alone");
        svg.add("</svg>");
        Files.write(Path.of(args[1]), svg);
    }

    private static void series(List<String> svg, List<Row> rows, boolean wire, String colour, String name) {
        StringBuilder points = new StringBuilder();
        for (Row row : rows) {
            double y = y(wire ? row.wire : row.payload);
            points.append(String.format(Locale.ROOT, "%.1f,%.1f ", row.x(), y));
            svg.add(String.format(Locale.ROOT, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>", row.x(), y, colour));
            svg.add(text(row.x(), y + 18, "middle", String.format(Locale.ROOT, "%.0f", wire ? row.wire : row.payload)));
        }
        svg.add("<polyline points=\"" + points.toString().trim() + "\" fill=\"none\" stroke=\"" + colour + "\" stroke-width=\"2\"/>");
        svg.add("<g fill=\"" + colour + "\">" + text(LEFT + 10, y(wire ? rows.get(0).wire : rows.get(0).payload) + (wire ? 40 : -12), "start", name) + "</g>");
    }

    private static double y(double bytes) {
        return TOP + HEIGHT * (1 - bytes / MOST_BYTES);
    }

    private static String line(double x1, double y1, double x2, double y2, String stroke) {
        return String.format(Locale.ROOT, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>", x1, y1, x2, y2, stroke);
    }

    private static String text(double x, double y, String anchor, String text) {
        return String.format(Locale.ROOT, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>", x, y, anchor, text);
    }
}
