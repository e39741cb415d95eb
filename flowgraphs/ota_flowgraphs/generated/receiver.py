#!/usr/bin/env python3
# -*- coding: utf-8 -*-

#
# SPDX-License-Identifier: GPL-3.0
#
# GNU Radio Python Flow Graph
# Title: Receiver of over-the-air sums
# Author: sdr-ota
# Description: Samples in; decoded sums with their standard deviation out, and channel estimates from sounding slots.
# GNU Radio version: 3.10.5.1

from gnuradio import gr
from gnuradio.filter import firdes
from gnuradio.fft import window
import sys
import signal
from argparse import ArgumentParser
from gnuradio.eng_arg import eng_float, intx
from gnuradio import eng_notation
from ota_flowgraphs.blocks.burst_detector import BurstDetector
from ota_flowgraphs.blocks.channel_estimator import ChannelEstimator
from ota_flowgraphs.blocks.frame_synchroniser import FrameSynchroniser
from ota_flowgraphs.blocks.iq_source import IqSource
from ota_flowgraphs.blocks.result_sink import ResultSink
from ota_flowgraphs.blocks.scheme_decoder import SchemeDecoder
from ota_flowgraphs.failure import end_of_search
from ota_flowgraphs.sent import Asked, sent_as


def snipfcn_ending(self):
    end_of_search(self.source, self.result_sink.n_found)


def snippets_main_after_stop(tb):
    snipfcn_ending(tb)


class receiver(gr.top_block):

    def __init__(self, sample_rate=0, center_freq=915e6, frame=None, source='driver=file,path=capture.sigmf-meta', results='', gain_db=0, max_cfo=0, scheme='', n_nodes=0, rx_amplitude=0, seed=(-1)):
        gr.top_block.__init__(self, "Receiver of over-the-air sums", catch_exceptions=False)

        ##################################################
        # Parameters
        ##################################################
        self.sample_rate = sample_rate
        self.center_freq = center_freq
        self.frame = frame
        self.source = source
        self.results = results
        self.gain_db = gain_db
        self.max_cfo = max_cfo
        self.scheme = scheme
        self.n_nodes = n_nodes
        self.rx_amplitude = rx_amplitude
        self.seed = seed

        ##################################################
        # Variables
        ##################################################
        self.sent = sent = sent_as(source, Asked(sample_rate, frame, max_cfo, scheme, n_nodes, rx_amplitude, seed))

        ##################################################
        # Blocks
        ##################################################

        self.synchroniser = FrameSynchroniser(sent.frame)
        self.result_sink = ResultSink(results)
        self.iq_source = IqSource(source, sent.sample_rate_hz, center_freq, gain_db)
        self.estimator = ChannelEstimator(sent.frame, sent.sample_rate_hz)
        self.detector = BurstDetector(sent.frame, sent.max_cfo)
        self.decoder = SchemeDecoder(sent.frame, sent.scheme, sent.n_nodes, (sent).rx_amplitude, sent.seed, sent.recorded)


        ##################################################
        # Connections
        ##################################################
        self.msg_connect((self.decoder, 'sums'), (self.result_sink, 'results'))
        self.msg_connect((self.detector, 'bursts'), (self.estimator, 'bursts'))
        self.msg_connect((self.detector, 'searched'), (self.result_sink, 'results'))
        self.msg_connect((self.detector, 'bursts'), (self.synchroniser, 'bursts'))
        self.msg_connect((self.estimator, 'estimates'), (self.result_sink, 'results'))
        self.msg_connect((self.synchroniser, 'payloads'), (self.decoder, 'payloads'))
        self.msg_connect((self.synchroniser, 'payloads'), (self.result_sink, 'results'))
        self.msg_connect((self.synchroniser, 'erasures'), (self.result_sink, 'results'))
        self.msg_connect((self.synchroniser, 'skipped'), (self.result_sink, 'results'))
        self.connect((self.iq_source, 0), (self.detector, 0))


    def get_sample_rate(self):
        return self.sample_rate

    def set_sample_rate(self, sample_rate):
        self.sample_rate = sample_rate
        self.set_sent(sent_as(self.source, Asked(self.sample_rate, self.frame, self.max_cfo, self.scheme, self.n_nodes, self.rx_amplitude, self.seed)))

    def get_center_freq(self):
        return self.center_freq

    def set_center_freq(self, center_freq):
        self.center_freq = center_freq

    def get_frame(self):
        return self.frame

    def set_frame(self, frame):
        self.frame = frame
        self.set_sent(sent_as(self.source, Asked(self.sample_rate, self.frame, self.max_cfo, self.scheme, self.n_nodes, self.rx_amplitude, self.seed)))

    def get_source(self):
        return self.source

    def set_source(self, source):
        self.source = source
        self.set_sent(sent_as(self.source, Asked(self.sample_rate, self.frame, self.max_cfo, self.scheme, self.n_nodes, self.rx_amplitude, self.seed)))

    def get_results(self):
        return self.results

    def set_results(self, results):
        self.results = results

    def get_gain_db(self):
        return self.gain_db

    def set_gain_db(self, gain_db):
        self.gain_db = gain_db

    def get_max_cfo(self):
        return self.max_cfo

    def set_max_cfo(self, max_cfo):
        self.max_cfo = max_cfo
        self.set_sent(sent_as(self.source, Asked(self.sample_rate, self.frame, self.max_cfo, self.scheme, self.n_nodes, self.rx_amplitude, self.seed)))

    def get_scheme(self):
        return self.scheme

    def set_scheme(self, scheme):
        self.scheme = scheme
        self.set_sent(sent_as(self.source, Asked(self.sample_rate, self.frame, self.max_cfo, self.scheme, self.n_nodes, self.rx_amplitude, self.seed)))

    def get_n_nodes(self):
        return self.n_nodes

    def set_n_nodes(self, n_nodes):
        self.n_nodes = n_nodes
        self.set_sent(sent_as(self.source, Asked(self.sample_rate, self.frame, self.max_cfo, self.scheme, self.n_nodes, self.rx_amplitude, self.seed)))

    def get_rx_amplitude(self):
        return self.rx_amplitude

    def set_rx_amplitude(self, rx_amplitude):
        self.rx_amplitude = rx_amplitude
        self.set_sent(sent_as(self.source, Asked(self.sample_rate, self.frame, self.max_cfo, self.scheme, self.n_nodes, self.rx_amplitude, self.seed)))

    def get_seed(self):
        return self.seed

    def set_seed(self, seed):
        self.seed = seed
        self.set_sent(sent_as(self.source, Asked(self.sample_rate, self.frame, self.max_cfo, self.scheme, self.n_nodes, self.rx_amplitude, self.seed)))

    def get_sent(self):
        return self.sent

    def set_sent(self, sent):
        self.sent = sent
        self.decoder.set_rx_amplitude((self.sent).rx_amplitude)



def argument_parser():
    description = 'Samples in; decoded sums with their standard deviation out, and channel estimates from sounding slots.'
    parser = ArgumentParser(description=description)
    parser.add_argument(
        "--sample-rate", dest="sample_rate", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Sample rate (samples/s; 0: the recording's, otherwise 1e6) [default=%(default)r]")
    parser.add_argument(
        "--center-freq", dest="center_freq", type=eng_float, default=eng_notation.num_to_str(float(915e6)),
        help="Set Carrier (Hz) [default=%(default)r]")
    parser.add_argument(
        "--source", dest="source", type=str, default='driver=file,path=capture.sigmf-meta',
        help="Set Source [default=%(default)r]")
    parser.add_argument(
        "--results", dest="results", type=str, default='',
        help="Set ZeroMQ address for results (empty: print them) [default=%(default)r]")
    parser.add_argument(
        "--gain-db", dest="gain_db", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Receive gain (dB) [default=%(default)r]")
    parser.add_argument(
        "--max-cfo", dest="max_cfo", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Largest carrier offset (cycles/sample; 0: the recording's, otherwise 0.06) [default=%(default)r]")
    parser.add_argument(
        "--scheme", dest="scheme", type=str, default='',
        help="Set Scheme (empty: the recording's, otherwise coherent) [default=%(default)r]")
    parser.add_argument(
        "--n-nodes", dest="n_nodes", type=intx, default=0,
        help="Set Nodes (0: the recording's, otherwise 4) [default=%(default)r]")
    parser.add_argument(
        "--rx-amplitude", dest="rx_amplitude", type=eng_float, default=eng_notation.num_to_str(float(0)),
        help="Set Received amplitude of a symbol of 1 (0: the recording's, otherwise 0.05) [default=%(default)r]")
    parser.add_argument(
        "--seed", dest="seed", type=intx, default=(-1),
        help="Set Seed of the node pilots (-1: the recording's, otherwise 1) [default=%(default)r]")
    return parser


def main(top_block_cls=receiver, options=None):
    if options is None:
        options = argument_parser().parse_args()
    tb = top_block_cls(sample_rate=options.sample_rate, center_freq=options.center_freq, source=options.source, results=options.results, gain_db=options.gain_db, max_cfo=options.max_cfo, scheme=options.scheme, n_nodes=options.n_nodes, rx_amplitude=options.rx_amplitude, seed=options.seed)

    def sig_handler(sig=None, frame=None):
        tb.stop()
        tb.wait()
        snippets_main_after_stop(tb)
        sys.exit(0)

    signal.signal(signal.SIGINT, sig_handler)
    signal.signal(signal.SIGTERM, sig_handler)

    tb.start()

    tb.wait()
    snippets_main_after_stop(tb)

if __name__ == '__main__':
    main()
