#pragma once
// The SoapySDR driver's side of the wire: questions to the server of a simulated air, and answers.
// What is answered is checked: a broken server makes exceptions, never a crash or a wait without
// end.

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdint>
#include <sstream>
#include <stdexcept>
#include <string>

namespace {

constexpr size_t LONGEST_ANSWER = 1024;

// Return a whole number that is all of a text and lies between two ends.
long long whole(const std::string &text, long long low, long long high, const std::string &what) {
    std::istringstream in(text);
    long long value = 0;
    if (!(in >> value) || !(in >> std::ws).eof() || value < low || value > high)
        throw std::invalid_argument(what + " is " + text + ": a whole number from " +
                                    std::to_string(low) + " to " + std::to_string(high) +
                                    " belongs there");
    return value;
}

template <typename Number> Number next(std::istringstream &answer) {
    Number value{};
    if (!(answer >> value)) throw std::runtime_error("the virtual air does not answer as it should");
    return value;
}

class Connection {
public:
    Connection(const std::string &port, int patience_s)
        : _socket(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in there{};
        there.sin_family = AF_INET;
        there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        try {
            there.sin_port = htons(static_cast<uint16_t>(whole(port, 1, 65535, "port")));
            if (::connect(_socket, reinterpret_cast<sockaddr *>(&there), sizeof there) != 0)
                throw std::runtime_error("no virtual air is served at port " + port);
        } catch (...) {
            ::close(_socket);
            throw;
        }
        int on = 1;
        ::setsockopt(_socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        const timeval patience{patience_s, 0};
        ::setsockopt(_socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        ::setsockopt(_socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }
    ~Connection() { ::close(_socket); }
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    // Ask one line, with data behind it, and return what follows OK. After half an answer nobody
    // knows where the next one begins: the connection is of no use any more.
    std::istringstream ask(const std::string &line, const void *data = nullptr, size_t size = 0) {
        send(line.data(), line.size());
        send("\n", 1);
        send(data, size);
        std::string answer;
        for (char c = 0; (receive(&c, 1), c != '\n'); answer += c)
            if (answer.size() == LONGEST_ANSWER) lose();
        if (answer.compare(0, 3, "NO ") == 0) throw std::runtime_error(answer.substr(3));
        if (answer.compare(0, 2, "OK") != 0) lose();
        return std::istringstream(answer.substr(2));
    }
    void receive(void *data, size_t size) {
        for (auto at = static_cast<char *>(data); size;) {
            const auto got = ::recv(_socket, at, size, 0);
            if (got <= 0) lose();
            at += got, size -= static_cast<size_t>(got);
        }
    }

private:
    void send(const void *data, size_t size) {
        for (auto at = static_cast<const char *>(data); size;) {
            const auto sent = ::send(_socket, at, size, MSG_NOSIGNAL);
            if (sent <= 0) lose();
            at += sent, size -= static_cast<size_t>(sent);
        }
    }
    [[noreturn]] void lose() {
        ::shutdown(_socket, SHUT_RDWR);
        throw std::runtime_error("the virtual air has gone");
    }
    int _socket;
};

}  // namespace
