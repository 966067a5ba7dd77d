// Follows a JSON stream by server-sent events, with nothing but Java itself.
//
// Usage: java Plain.java URL
//
// Prints the array of each event until the stream is closed; goes on behind the last one where a
// connection ends.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

public class Plain {
  static final Pattern NEXT = Pattern.compile("\"streamNextOffset\":\"([^\"]+)\"");
  static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  static String offset = "-1";
  static boolean closed = false;

  public static void main(String[] args) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    while (!closed) {
      URI uri = URI.create(args[0] + "?offset=" + offset + "&live=sse");
      HttpRequest request = HttpRequest.newBuilder(uri).build();
      var body = client.send(request, BodyHandlers.ofInputStream()).body();
      try (var lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8))) {
        read(lines);
      } catch (IOException error) {
        // The connection was cut: the next one begins behind what has come.
      }
    }
  }

  static void read(BufferedReader lines) throws IOException {
    String kind = "message";
    StringBuilder data = new StringBuilder();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      int colon = line.indexOf(':');
      String field = colon < 0 ? line : line.substring(0, colon);
      String value = colon < 0 ? "" : line.substring(colon + 1).replaceFirst("^ ", "");
      if (field.equals("event")) kind = value;
      else if (field.equals("data")) data.append(data.isEmpty() ? "" : "\n").append(value);
      else if (line.isEmpty()) {
        take(kind, data.toString());
        kind = "message";
        data.setLength(0);
      }
    }
  }

  static void take(String kind, String data) {
    if (kind.equals("data")) OUT.println(data.replace("\n", ""));
    if (!kind.equals("control")) return;
    var next = NEXT.matcher(data);
    if (next.find()) offset = next.group(1);
    closed = data.contains("\"streamClosed\":true");
  }
}
