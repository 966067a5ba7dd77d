import { Dialogs } from "../dialogs/dialogs.tsx";
import { TokenDialog } from "../dialogs/token_dialog.tsx";
import { Notice } from "../ui/notice.tsx";
import { route } from "../state/route.ts";
import { needsOtherToken, needsToken } from "../state/session.ts";
import { FindView } from "../views/find/find_view.tsx";
import { LookView } from "../views/look/look_view.tsx";
import { ServerView } from "../views/server/server_view.tsx";
import { SubscriptionsView } from "../views/subscriptions/subscriptions_view.tsx";
import { Help } from "./help.tsx";
import { Header } from "./header.tsx";
import { TokenForm } from "./token_form.tsx";

/** The whole page. */
export function App() {
  return (
    <>
      <a class="skip" href="#main" onClick={skipToMain}>Skip to the content</a>
      <Header />
      <main id="main" tabIndex={-1}>
        <View />
      </main>
      {!needsToken.value && <Dialogs />}
      {needsOtherToken.value && <TokenDialog />}
      <Help />
      <Notice />
    </>
  );
}

function View() {
  if (needsToken.value) return <TokenForm />;
  const at = route.value;
  switch (at.view) {
    case "streams":
      return <FindView at={at} />;
    case "stream":
      return <LookView key={at.name} at={at} />;
    case "server":
      return <ServerView at={at} />;
    case "subscriptions":
      return <SubscriptionsView at={at} />;
  }
}

/** The address is the page's own place: a link to an element would change it. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
